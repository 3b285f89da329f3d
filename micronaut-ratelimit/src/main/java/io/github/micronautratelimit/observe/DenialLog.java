package io.github.micronautratelimit.observe;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;

/**
 * Logs a denial, and then for an interval only counts those of the same policy: an attack writes two lines at first and one
 * per interval from then on. The values of a line are the log's key-value pairs too. Keys are only logged as hashes.
 */
@Singleton
@RequiresRateLimit
@Requires(property = DenialLogConfiguration.PREFIX + ".enabled", value = StringUtils.TRUE)
final class DenialLog implements RateLimitListener {

    static final String NAME = "io.github.micronautratelimit.denials";

    private static final String INTERVAL = "${" + DenialLogConfiguration.PREFIX + ".interval:10s}";

    private static final Logger LOG = LoggerFactory.getLogger(NAME);

    private final MicroClock clock;
    private final long intervalMicros;
    private final Map<String, Tally> tallies = new ConcurrentHashMap<>();

    /** What a policy denied since a line was written. */
    private static final class Tally {

        private final AtomicLong quietUntil = new AtomicLong(Long.MIN_VALUE);
        private final AtomicLong more = new AtomicLong();

        /** Whether the one who asks is to write a line. */
        boolean speaks(long now, long intervalMicros) {
            long until = quietUntil.get();
            return now >= until && quietUntil.compareAndSet(until, now + intervalMicros);
        }
    }

    DenialLog(MicroClock clock, DenialLogConfiguration configuration) {
        this.clock = clock;
        this.intervalMicros = configuration.getInterval().toNanos() / 1_000;
    }

    /** At most one line per policy and interval is written on the request's thread. */
    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        if (!LOG.isInfoEnabled()) {
            return;
        }
        Tally tally = tallyOf(event.policy().name());
        if (!tally.speaks(clock.micros(), intervalMicros)) {
            tally.more.incrementAndGet();
            return;
        }
        String policy = event.policy().name();
        long more = tally.more.getAndSet(0);
        LoggingEventBuilder line = LOG.atInfo()
                .addKeyValue("policy", policy)
                .addKeyValue("keyHash", event.keyHash())
                .addKeyValue("permits", event.permits())
                .addKeyValue("limitType", event.type())
                .addKeyValue("source", event.source())
                .addKeyValue("retryAfterMicros", event.decision().retryAfterMicros())
                .addKeyValue("more", more);
        line.log("Denied under the policy \"{}\" ({} by {}), key {}{}", policy, event.type(), event.source(),
                event.keyHash(), more == 0 ? "." : ", and " + more + " more before.");
    }

    private Tally tallyOf(String policy) {
        Tally tally = tallies.get(policy);
        if (tally != null) {
            return tally;
        }
        return tallies.computeIfAbsent(
                tallies.size() < DecisionCounts.MAX_POLICIES ? policy : DecisionCounts.OTHER, name -> new Tally());
    }

    /** Tells what was counted, so that the end of an attack is told too. */
    @Scheduled(fixedDelay = INTERVAL, initialDelay = INTERVAL)
    void summarize() {
        long now = clock.micros();
        tallies.forEach((policy, tally) -> {
            if (tally.more.get() > 0 && tally.speaks(now, intervalMicros)) {
                long more = tally.more.getAndSet(0);
                LOG.atInfo().addKeyValue("policy", policy).addKeyValue("more", more)
                        .log("Denied {} more under the policy \"{}\".", more, policy);
            }
        });
    }
}
