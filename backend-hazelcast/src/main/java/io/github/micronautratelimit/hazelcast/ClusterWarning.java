package io.github.micronautratelimit.hazelcast;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Properties of a cluster that may give permits back, and that do not prevent the start. The documentation explains
 * each of them under its code.
 *
 * <p>Members send the position of a warning, so new ones go to the end.
 */
enum ClusterWarning {

    /** Members remove entries whose permits are not back yet. */
    MAP_REMOVES_ENTRIES(
            "RL080",
            "The Hazelcast map %s removes entries early, because the configuration of the members sets eviction, "
                    + "max-idle-seconds or time-to-live-seconds for it, perhaps by a pattern. A key whose entry is "
                    + "removed has all its permits again. Configure a map of this name without them."),

    /** A member that dies loses its keys. */
    MAP_WITHOUT_BACKUP(
            "RL081",
            "The Hazelcast map %s has no backup, so the keys of a member that dies have all their permits again. Set "
                    + "its backup-count or async-backup-count to 1 in the configuration of the members."),

    /** A split of the cluster gives permits back. */
    MAP_MERGES_OTHERWISE(
            "RL082",
            "The Hazelcast map %s has another merge policy, so a split of the cluster may give permits back. Set its "
                    + "merge-policy to " + RateLimitMergePolicy.class.getName()
                    + " in the configuration of the members."),

    /** Keys that move between members expire too early or too late. */
    CLOCKS_DIFFER(
            "RL083",
            "The clocks of the Hazelcast members %s differ by more than a second. A key that moves between them may "
                    + "expire early and have all its permits again. Synchronize the clocks."),

    /** Compare-and-replace never succeeds. */
    MAP_NOT_BINARY(
            "RL084",
            "The Hazelcast map %s has the in-memory format OBJECT, so no instance can decide while a member lacks "
                    + "micronaut-ratelimit-hazelcast, and on-error decides. Set its in-memory-format to BINARY in the "
                    + "configuration of the members."),

    /** Members forget what operators have set. */
    RECORDS_REMOVED(
            "RL085",
            "The Hazelcast map %s removes entries early, because the configuration of the members sets eviction, "
                    + "max-idle-seconds or time-to-live-seconds for it, perhaps by a pattern. The limits that "
                    + "operators have set end when its entry is removed. Configure a map of this name without them."),
    ;

    private static final Logger LOG = LoggerFactory.getLogger(ClusterWarning.class);

    private final String code;
    private final String text;

    ClusterWarning(String code, String text) {
        this.code = code;
        this.text = text;
    }

    /** Receives the code and the text of warnings, on any thread. */
    @FunctionalInterface
    interface Log {

        /** Logs all warnings. */
        Log ALL = (code, text) -> LOG.warn(code + ": " + text);

        void warn(String code, String text);
    }

    /** Logs this warning about a map or about members. */
    void logTo(Log log, String subject) {
        log.warn(code, text.formatted(subject));
    }

    /** The bit that stands for this warning in an answer of a member. */
    long bit() {
        return 1L << ordinal();
    }
}
