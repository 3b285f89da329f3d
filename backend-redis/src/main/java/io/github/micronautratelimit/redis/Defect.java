package io.github.micronautratelimit.redis;

import java.util.Set;

import io.github.micronautratelimit.RateLimitDefectException;
import io.lettuce.core.RedisCommandExecutionException;

/** Tells what no waiting cures, such as a key of another type or a right that is missing, from a server in trouble. */
final class Defect {

    private static final Set<String> CODES = Set.of("ERR", "WRONGTYPE", "NOPERM", "CROSSSLOT");
    /** Older servers put the code of what a script ran into behind their own. */
    private static final Set<String> TROUBLES =
            Set.of("READONLY", "OOM", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "LOADING", "BUSY");

    private Defect() {
    }

    /** The failure of a call, as callers are told it. */
    static Throwable or(Throwable failure) {
        return failure instanceof RedisCommandExecutionException refused && isDefect(String.valueOf(refused.getMessage()))
                ? new RateLimitDefectException(refused) : failure;
    }

    private static boolean isDefect(String message) {
        return CODES.contains(message.split(" ", 2)[0]) && TROUBLES.stream().noneMatch(message::contains);
    }
}
