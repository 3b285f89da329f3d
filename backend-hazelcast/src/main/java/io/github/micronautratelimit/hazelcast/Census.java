package io.github.micronautratelimit.hazelcast;

import java.util.Collection;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.hazelcast.cluster.Cluster;
import com.hazelcast.cluster.Member;
import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.cluster.MembershipListener;
import com.hazelcast.core.ExecutionCallback;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.IExecutorService;

/**
 * Which members of the cluster have this library: each is asked once, when it joins or is first seen. A member that has not
 * got it can neither decide nor keep the backup of what another one has decided, whose answer would then wait for seconds.
 */
final class Census implements MembershipListener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Census.class);
    private static final String EXECUTOR = "ratelimit:census";
    private static final long PATIENCE_SECONDS = 2;
    private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Cluster cluster;
    private final IExecutorService executor;
    private final Set<UUID> equipped = ConcurrentHashMap.newKeySet();
    private final UUID listener;
    private volatile boolean complete;
    private volatile long countedAt;
    private volatile boolean warned;

    /** Waits for the members' answers, but not for long. */
    Census(HazelcastInstance hazelcast) {
        this.cluster = hazelcast.getCluster();
        this.executor = hazelcast.getExecutorService(EXECUTOR);
        this.listener = cluster.addMembershipListener(this);
        count(true);
    }

    /** Whether every member that holds keys has this library. */
    boolean isComplete() {
        if (!complete && System.nanoTime() - countedAt > AGAIN_NANOS) {
            count(false);
        }
        return complete;
    }

    private void count(boolean wait) {
        countedAt = System.nanoTime();
        Collection<Member> members = cluster.getMembers();
        CountDownLatch answers = new CountDownLatch(members.size());
        for (Member member : members) {
            if (member.isLiteMember() || equipped.contains(member.getUuid())) {
                answers.countDown();
            } else {
                ask(member, answers);
            }
        }
        judge();
        try {
            if (wait && !answers.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                LOG.debug("Not all members have answered yet.");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void ask(Member member, CountDownLatch answers) {
        try {
            executor.submitToMember(new Presence(), member, new ExecutionCallback<Integer>() {
                @Override
                public void onResponse(Integer form) {
                    equipped.add(member.getUuid());
                    judge();
                    answers.countDown();
                }

                @Override
                public void onFailure(Throwable failure) {
                    isMissing(member, failure);
                    answers.countDown();
                }
            });
        } catch (RuntimeException e) {
            isMissing(member, e);
            answers.countDown();
        }
    }

    private void isMissing(Member member, Throwable failure) {
        if (!warned) {
            warned = true;
            LOG.warn("The member {} has not got micronaut-ratelimit-hazelcast, or does not answer. Until it has, decisions are "
                    + "made here, which takes longer; put it on the members' class path. ({})", member.getAddress(),
                    failure.getMessage());
        }
    }

    private synchronized void judge() {
        boolean all = cluster.getMembers().stream()
                .allMatch(member -> member.isLiteMember() || equipped.contains(member.getUuid()));
        if (all && warned) {
            warned = false;
            LOG.info("All members have micronaut-ratelimit-hazelcast now and decide.");
        }
        complete = all;
    }

    @Override
    public void memberAdded(MembershipEvent event) {
        judge();
        count(false);
    }

    @Override
    public void memberRemoved(MembershipEvent event) {
        equipped.remove(event.getMember().getUuid());
        judge();
    }

    @Override
    public void close() {
        cluster.removeMembershipListener(listener);
    }
}
