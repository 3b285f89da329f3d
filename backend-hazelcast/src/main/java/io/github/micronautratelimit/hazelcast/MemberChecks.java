package io.github.micronautratelimit.hazelcast;

import com.hazelcast.cluster.Cluster;
import com.hazelcast.cluster.Member;
import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.cluster.MembershipListener;
import com.hazelcast.core.ExecutionCallback;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.IExecutorService;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the members that store data whether they have this library, which version of the protocol they read, what time
 * it is there, and how the map is configured.
 *
 * <p>A check runs at the start, when a member joins, and while calls are made: every 30 s as long as a member has not
 * answered, and every 10 min after that. No call waits for the answers, except for the first, for some seconds.
 *
 * <p><em>Map.</em> Once all members have the library, they give the map its own configuration, see
 * {@link RateLimitMapConfig}. Clients cannot read the configuration of members, so it is always a member that does so.
 *
 * <p><em>Versions.</em> {@link #version()} is the newest version that all members read. Calls, backups, answers and
 * states are written in it, so members of different versions may run side by side.
 */
final class MemberChecks implements MembershipListener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MemberChecks.class);
    private static final String EXECUTOR = "ratelimit:library-check";
    private static final long TIMEOUT_SECONDS = 2;
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long REPEAT_NANOS = TimeUnit.MINUTES.toNanos(10);
    /** Entries live 2 s longer than their limits need. */
    private static final long MAX_CLOCK_DIFFERENCE_MILLIS = 1_000;

    private final Cluster cluster;
    private final IExecutorService executor;
    private final String map;
    private final ClusterWarning.Log log;

    private final Map<UUID, Integer> versions = new ConcurrentHashMap<>();
    private final Set<ClusterWarning> logged = EnumSet.noneOf(ClusterWarning.class);
    private final UUID listener;
    private volatile boolean allConfirmed;
    private volatile int version = RateLimitProtocol.VERSION;
    private volatile long checkedAt;
    private volatile boolean warned;

    /**
     * Checks the members. Waits for their answers and for the configuration of the map, at most 2 s for each.
     *
     * @param hazelcast the instance
     * @param map       the name of the map
     * @param log       receives warnings about the cluster
     */
    MemberChecks(HazelcastInstance hazelcast, String map, ClusterWarning.Log log) {
        this.cluster = hazelcast.getCluster();
        this.executor = hazelcast.getExecutorService(EXECUTOR);
        this.map = map;
        this.log = log;
        this.listener = cluster.addMembershipListener(this);
        Round first = check();
        first.await();
        Round second = first.next;
        if (second != null) {
            second.await();
        }
    }

    /** Returns whether every member that stores data has this library, in whatever version. */
    boolean allConfirmed() {
        if (System.nanoTime() - checkedAt > (allConfirmed ? REPEAT_NANOS : RETRY_NANOS)) {
            check();
        }
        return allConfirmed;
    }

    /** Returns the newest version of the protocol that this instance and all members with this library read. */
    int version() {
        return version;
    }

    private Round check() {
        checkedAt = System.nanoTime();
        List<Member> members = cluster.getMembers().stream()
                .filter(member -> !member.isLiteMember())
                .toList();
        Round round = new Round(members.size());
        LibraryCheck check = new LibraryCheck(map, allConfirmed);
        for (Member member : members) {
            round.ask(member, check);
        }
        if (members.isEmpty()) {
            update();
        }
        return round;
    }

    /** Returns whether the last member has been confirmed now, or the last one without the library has left. */
    private synchronized boolean update() {
        boolean all = true;
        int newest = RateLimitProtocol.VERSION;
        for (Member member : cluster.getMembers()) {
            Integer read = versions.get(member.getUuid());
            all &= read != null || member.isLiteMember();
            newest = Math.min(newest, read == null ? newest : read);
        }
        if (all && warned) {
            warned = false;
            LOG.info("All members have micronaut-ratelimit-hazelcast now. The members decide.");
        }
        boolean before = allConfirmed;
        version = newest;
        allConfirmed = all;
        return all && !before;
    }

    @Override
    public void memberAdded(MembershipEvent event) {
        update();
        check();
    }

    @Override
    public void memberRemoved(MembershipEvent event) {
        versions.remove(event.getMember().getUuid());
        if (update()) {
            check();
        }
    }

    private void warnOfMissingLibrary(Member member, Throwable failure) {
        if (!warned && !versions.containsKey(member.getUuid())) {
            warned = true;
            LOG.warn(
                    "The member {} lacks micronaut-ratelimit-hazelcast or does not answer ({}). Until all members have "
                            + "the library, this instance decides, which is slower. Add it to the class path of the "
                            + "members.",
                    member.getAddress(),
                    failure.getMessage());
        }
    }

    private synchronized void warn(ClusterWarning warning, String subject) {
        if (logged.add(warning)) {
            warning.logTo(log, subject);
        }
    }

    @Override
    public void close() {
        cluster.removeMembershipListener(listener);
    }

    /**
     * An answer of a member.
     *
     * @param member      the member
     * @param minMillis   the least that its clock is ahead of the monotonic clock of this process
     * @param maxMillis   the most
     * @param warnings    the bits of warnings about its map
     */
    private record Answer(Member member, long minMillis, long maxMillis, long warnings) {}

    /** One question to each member. */
    private final class Round {

        private final CountDownLatch unanswered;
        private final List<Answer> answers = new ArrayList<>();
        /** Follows once all members have the library, and has them configure the map. */
        private volatile @Nullable Round next;

        Round(int members) {
            this.unanswered = new CountDownLatch(members);
        }

        void ask(Member member, LibraryCheck check) {
            long sent = millis();
            try {
                executor.submitToMember(check, member, new ExecutionCallback<long[]>() {
                    @Override
                    public void onResponse(long[] answer) {
                        long received = millis();
                        long time = LibraryCheck.millisIn(answer);
                        versions.put(member.getUuid(), (int) LibraryCheck.versionIn(answer));
                        if (update()) {
                            next = check();
                        }
                        ended(new Answer(member, time - received, time - sent, LibraryCheck.warningsIn(answer)));
                    }

                    @Override
                    public void onFailure(Throwable failure) {
                        warnOfMissingLibrary(member, failure);
                        ended(null);
                    }
                });
            } catch (RuntimeException e) {
                warnOfMissingLibrary(member, e);
                ended(null);
            }
        }

        private static long millis() {
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        }

        private synchronized void ended(@Nullable Answer answer) {
            if (answer != null) {
                answers.add(answer);
            }
            if (unanswered.getCount() == 1) {
                evaluate();
            }
            unanswered.countDown();
        }

        private void evaluate() {
            for (ClusterWarning warning : ClusterWarning.values()) {
                if (answers.stream().anyMatch(answer -> (answer.warnings & warning.bit()) != 0)) {
                    warn(warning, warning == ClusterWarning.RECORDS_REMOVED ? RateLimitMapConfig.recordsOf(map) : map);
                }
            }
            for (Answer ahead : answers) {
                for (Answer behind : answers) {
                    if (ahead.minMillis - behind.maxMillis > MAX_CLOCK_DIFFERENCE_MILLIS) {
                        warn(
                                ClusterWarning.CLOCKS_DIFFER,
                                behind.member.getAddress() + " and " + ahead.member.getAddress());
                    }
                }
            }
        }

        void await() {
            try {
                if (!unanswered.await(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                    LOG.debug("Not all members have answered yet.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
