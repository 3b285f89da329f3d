package io.github.micronautratelimit.tck;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs a test with limits of every algorithm and with several limits together. A new key has exactly 100 permits. After
 * they are spent and the reset time of the last decision has passed, the key has exactly 100 permits again.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest(name = "{0}")
@ValueSource(
        strings = {
            "100/min",
            "7/min burst 100",
            "100/min sliding",
            "100/min fixed",
            "100/min; 100/h sliding; 1000/h fixed",
            "100/h fixed; 5000/min sliding",
            "300/s; 100/min; 7/min burst 100",
            "100/month from 31 Europe/Berlin",
            "100/day Asia/Kathmandu; 1000/min"
        })
@interface AllLimitKinds {}
