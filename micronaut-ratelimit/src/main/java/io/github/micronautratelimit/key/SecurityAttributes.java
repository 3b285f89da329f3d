package io.github.micronautratelimit.key;

import io.micronaut.context.annotation.Requires;
import io.micronaut.security.authentication.Authentication;
import jakarta.inject.Singleton;
import java.security.Principal;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The roles and attributes of an authentication of micronaut-security. Several values of a claim form one text. */
@Singleton
@Requires(classes = Authentication.class)
final class SecurityAttributes implements UserAttributes {

    @Override
    public Collection<String> roles(Principal user) {
        return user instanceof Authentication authentication ? authentication.getRoles() : List.of();
    }

    @Override
    public @Nullable String claim(Principal user, String name) {
        Object value = user instanceof Authentication authentication
                ? authentication.getAttributes().get(name)
                : null;
        return value instanceof Collection<?> several
                ? several.stream().map(String::valueOf).collect(Collectors.joining(","))
                : value == null ? null : value.toString();
    }

    @Override
    public Principal user(String name, Collection<String> roles, Map<String, Object> claims) {
        return Authentication.build(name, roles, claims);
    }
}
