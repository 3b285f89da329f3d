package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.web.PathRule;
import java.util.List;

/**
 * One set of limits to replay. Several candidates see the same requests and do not affect each other. Immutable.
 *
 * @param name     the name in reports
 * @param rules    the limits in the order of the configuration
 * @param exempt   the paths that no rule applies to
 * @param defaults the paths of health checks and documentation, to which only rules of their own apply
 * @param excluded the patterns of these paths as text
 * @param ipv6Bits the length of the prefix that identifies an IPv6 client
 * @param written  whether the limits were written on the command line, and so have no name
 * @param notes    sentences on what the replay leaves out
 */
public record Candidate(
        String name,
        List<ReplayRule> rules,
        List<PathRule> exempt,
        List<PathRule> defaults,
        String excluded,
        int ipv6Bits,
        boolean written,
        List<String> notes) {

    /** The default of {@code ratelimit.ipv6-prefix}. */
    public static final int IPV6_BITS = 64;

    /** Copies the lists. */
    public Candidate {
        rules = List.copyOf(rules);
        exempt = List.copyOf(exempt);
        defaults = List.copyOf(defaults);
        notes = List.copyOf(notes);
    }

    /**
     * Returns this candidate with another name.
     *
     * @param other the name
     */
    public Candidate withName(String other) {
        return new Candidate(other, rules, exempt, defaults, excluded, ipv6Bits, written, notes);
    }

    /**
     * Returns whether a rule decides on recorded decisions of a policy: the rule of the policy of that name, or any
     * limit of the command line.
     *
     * @param rule   a rule of this candidate
     * @param policy the name of the recorded policy
     */
    public boolean decidesRecorded(ReplayRule rule, String policy) {
        return written || rule.policy().name().equals(policy);
    }

    /**
     * Returns the key of a recorded decision. A limit of the command line keeps the keys of different policies apart.
     *
     * @param policy the name of the recorded policy
     * @param hash   the hash of the recorded key
     */
    public String keyOfRecorded(String policy, String hash) {
        return written ? policy + "/" + hash : hash;
    }
}
