package io.github.micronautratelimit.key;

import java.security.Principal;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the roles and claims of users. Implemented for the security library that an application uses, if any. */
interface UserAttributes {

    /** Returns the roles of a user; empty if the user is of another kind. */
    Collection<String> roles(Principal user);

    /** Returns the text of a claim; {@code null} if it is missing. */
    @Nullable
    String claim(Principal user, String name);

    /** Returns a user who has the given roles and claims. */
    Principal user(String name, Collection<String> roles, Map<String, Object> claims);
}
