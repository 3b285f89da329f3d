package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.tck.FaultyStore.Fault;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Marks a test with a case per fault. The cases of a class may run concurrently, because they mostly wait. The classes
 * run one after the other.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest
@EnumSource(Fault.class)
@Execution(ExecutionMode.CONCURRENT)
@ResourceLock(value = EveryFault.THREADS, mode = ResourceAccessMode.READ)
@interface EveryFault {

    /** The threads of the JVM. A case that counts them runs alone. */
    String THREADS = "io.github.micronautratelimit.tck.threads";
}
