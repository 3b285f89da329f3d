package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.configuration.DenialLogConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.util.StringUtils;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.inject.Singleton;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Logs the first denial of a policy, then one line per interval with the number of further denials. An attack therefore
 * writes two lines at first, and one per interval afterwards. The values of a line are also key-value pairs of the log
 * event. Keys are logged as hashes only.
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

    /** The denials of a policy since its last line. */
    private static final class Tally {

        private final AtomicLong quietUntil = new AtomicLong(Long.MIN_VALUE);
        private final AtomicLong more = new AtomicLong();
        private volatile String outcome = "Denied";

        /** Returns whether the caller writes a line; then no other caller does until the interval is over. */
        boolean startsLine(long now, long intervalMicros) {
            long until = quietUntil.get();
            return now >= until && quietUntil.compareAndSet(until, now + intervalMicros);
        }
    }

    DenialLog(MicroClock clock, DenialLogConfiguration configuration) {
        this.clock = clock;
        this.intervalMicros = configuration.getInterval().toNanos() / 1_000;
    }

    /** Returns {@code true}: a request's thread writes at most one line per policy and interval. */
    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        log(event, "Denied");
    }

    /** Logs requests that a policy in shadow mode would have denied, each policy on lines of its own. */
    @Override
    public void onShadow(RateLimitEvent event) {
        if (!event.decision().allowed()) {
            log(event, "Would have denied");
        }
    }

    private void log(RateLimitEvent event, String outcome) {
        if (!LOG.isInfoEnabled()) {
            return;
        }
        Tally tally = tallyOf(event.policy().name());
        tally.outcome = outcome;
        if (!tally.startsLine(clock.micros(), intervalMicros)) {
            tally.more.incrementAndGet();
            return;
        }
        String policy = event.policy().name();
        long more = tally.more.getAndSet(0);
        LoggingEventBuilder line = LOG.atInfo()
                .addKeyValue("policy", policy)
                .addKeyValue("keyHash", event.keyHash())
                .addKeyValue("permits", event.permits())
                .addKeyValue("origin", event.origin())
                .addKeyValue("source", event.source())
                .addKeyValue("retryAfterMicros", event.decision().retryAfterMicros())
                .addKeyValue("more", more);
        if (event.policy().isShadow()) {
            line = line.addKeyValue("shadow", true);
        }
        if (event.isUnavailable()) {
            line = line.addKeyValue("unavailable", true);
        }
        line.log(
                "{} under the policy \"{}\" ({} by {}), key {}{}",
                outcome,
                policy,
                event.origin(),
                event.isUnavailable() ? "on-error, the store is unavailable" : event.source(),
                event.keyHash(),
                more == 0 ? "." : ", and " + more + " more before.");
    }

    private Tally tallyOf(String policy) {
        Tally tally = tallies.get(policy);
        if (tally != null) {
            return tally;
        }
        return tallies.computeIfAbsent(
                tallies.size() < DecisionCounts.MAX_POLICIES ? policy : DecisionCounts.OTHER, name -> new Tally());
    }

    /** Logs denials that were only counted, so that the end of an attack is logged too. */
    @Scheduled(fixedDelay = INTERVAL, initialDelay = INTERVAL)
    void summarize() {
        long now = clock.micros();
        tallies.forEach((policy, tally) -> {
            if (tally.more.get() > 0 && tally.startsLine(now, intervalMicros)) {
                long more = tally.more.getAndSet(0);
                LOG.atInfo()
                        .addKeyValue("policy", policy)
                        .addKeyValue("more", more)
                        .log("{} {} more under the policy \"{}\".", tally.outcome, more, policy);
            }
        });
    }
}
