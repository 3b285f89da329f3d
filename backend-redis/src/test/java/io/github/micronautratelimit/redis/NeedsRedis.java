package io.github.micronautratelimit.redis;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.LifecycleContext;
import net.jqwik.api.lifecycle.SkipExecutionHook;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips tests, in JUnit and jqwik, if {@link RedisServer} finds no Redis. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(NeedsRedis.OrSkipped.class)
@AddLifecycleHook(NeedsRedis.OrSkipped.class)
@interface NeedsRedis {

    /** Returns whether the tests start their own servers instead of using the shared one. */
    boolean ofItsOwn() default false;

    /** Reports the reason to each engine. */
    final class OrSkipped implements ExecutionCondition, SkipExecutionHook {

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return reasonToSkip(context.getTestClass())
                    .map(ConditionEvaluationResult::disabled)
                    .orElse(ConditionEvaluationResult.enabled("A server is available or required."));
        }

        @Override
        public SkipResult shouldBeSkipped(LifecycleContext context) {
            Optional<String> reason = reasonToSkip(context.optionalContainerClass());
            return reason.isPresent() ? SkipResult.skip(reason.get()) : SkipResult.doNotSkip();
        }

        private static Optional<String> reasonToSkip(Optional<Class<?>> test) {
            boolean ofItsOwn = test.map(type -> type.getAnnotation(NeedsRedis.class))
                    .filter(NeedsRedis::ofItsOwn)
                    .isPresent();
            return ofItsOwn ? RedisServer.reasonToSkipProcesses() : RedisServer.reasonToSkip();
        }
    }
}
