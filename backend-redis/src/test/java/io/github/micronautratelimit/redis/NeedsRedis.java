package io.github.micronautratelimit.redis;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.SkipExecutionHook;

/** Tests that are skipped where {@link RedisServer} finds nothing to test with, by either engine. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(NeedsRedis.OrSkipped.class)
@AddLifecycleHook(NeedsRedis.OrSkipped.class)
@interface NeedsRedis {

    /** Whether the tests start servers of their own, instead of using the one that all share. */
    boolean ofItsOwn() default false;

    /** The reason to skip, as each engine wants it told. */
    final class OrSkipped implements ExecutionCondition, SkipExecutionHook {

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return reasonToSkip(context.getTestClass()).map(ConditionEvaluationResult::disabled)
                    .orElse(ConditionEvaluationResult.enabled("A server is there, or must be."));
        }

        @Override
        public SkipResult shouldBeSkipped(LifecycleContext context) {
            Optional<String> reason = reasonToSkip(context.optionalContainerClass());
            return reason.isPresent() ? SkipResult.skip(reason.get()) : SkipResult.doNotSkip();
        }

        private static Optional<String> reasonToSkip(Optional<Class<?>> test) {
            boolean ofItsOwn = test.map(type -> type.getAnnotation(NeedsRedis.class)).filter(NeedsRedis::ofItsOwn)
                    .isPresent();
            return ofItsOwn ? RedisServer.reasonToSkipProcesses() : RedisServer.reasonToSkip();
        }
    }
}
