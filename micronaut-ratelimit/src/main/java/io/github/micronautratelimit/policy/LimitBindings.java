package io.github.micronautratelimit.policy;

import io.micronaut.core.annotation.Internal;
import java.util.Collection;

/** A source of limits: annotations or path rules. */
@Internal
public interface LimitBindings {

    /**
     * Returns the limits in force.
     *
     * @return one per annotation or rule; those of a class appear once per method
     */
    Collection<LimitBinding> all();
}
