package io.github.micronautratelimit.intercept;

import java.util.Collection;

/** Knows limits and the places they apply in: annotations, or rules. */
public interface AppliedLimits {

    /**
     * The limits that hold now.
     *
     * @return one for each place; a class's once for each of its methods
     */
    Collection<AppliedLimit> all();
}
