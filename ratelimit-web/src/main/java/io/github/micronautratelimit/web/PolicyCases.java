package io.github.micronautratelimit.web;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The cases of a policy, of which the first that matches a request applies, and the clients that are exempt from all of
 * them. Every request matches a case, and every case matches a request, or the cases are refused. Immutable.
 */
public final class PolicyCases {

    private static final CaseCondition ANONYMOUS = new CaseCondition.User(false);
    private static final CaseCondition AUTHENTICATED = new CaseCondition.User(true);

    private final List<PolicyCase> cases;
    private final List<AddressRange> exempt;

    private PolicyCases(List<PolicyCase> cases, List<AddressRange> exempt) {
        this.cases = cases;
        this.exempt = exempt;
    }

    /**
     * Creates cases.
     *
     * @param cases    the cases in order
     * @param ofPolicy the limits of the requests that no case matches, or {@code null}
     * @param exempt   the ranges of clients without limits, such as {@code 10.0.0.0/8}
     * @return the cases
     * @throws IllegalArgumentException if a case can match no request, if a request may match none, if ranges of
     *                                  clients overlap and have different limits, or if a range is malformed; the
     *                                  message says what to write
     */
    public static PolicyCases of(List<PolicyCase> cases, @Nullable Allowance ofPolicy, List<String> exempt) {
        List<AddressRange> ranges = exempt.stream().map(PolicyCases::exempt).toList();
        requireDistinct(ranges);
        for (int i = 0; i < cases.size(); i++) {
            requireReachable(cases, i, ranges);
            for (int j = 0; j < i; j++) {
                requireSameAnswer(cases, j, i);
            }
        }
        String last = last(cases);
        if (ofPolicy == null && last == null) {
            throw new IllegalArgumentException("cases leaves some requests without limits; add limits for them, or a"
                    + " last case such as \"otherwise: unlimited\".");
        }
        if (ofPolicy != null && last != null) {
            throw new IllegalArgumentException("limits would never apply, because " + last
                    + " every request that no earlier case matches; remove limits, or that case.");
        }
        List<PolicyCase> all = new ArrayList<>(cases);
        if (ofPolicy != null) {
            all.add(PolicyCase.ofPolicy(ofPolicy));
        }
        return new PolicyCases(List.copyOf(all), ranges);
    }

    private static AddressRange exempt(String text) {
        try {
            return AddressRange.parse(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("exempt: " + e.getMessage(), e);
        }
    }

    private static void requireDistinct(List<AddressRange> exempt) {
        for (int i = 0; i < exempt.size(); i++) {
            for (int j = 0; j < exempt.size(); j++) {
                if (i != j && exempt.get(i).covers(exempt.get(j))) {
                    throw new IllegalArgumentException("exempt: \"" + exempt.get(j) + "\" lies within \""
                            + exempt.get(i) + "\", which is exempt already; remove it.");
                }
            }
        }
    }

    private static void requireReachable(List<PolicyCase> cases, int index, List<AddressRange> exempt) {
        PolicyCase unreachable = cases.get(index);
        for (int i = 0; i < index; i++) {
            if (cases.get(i).covers(unreachable)) {
                throw new IllegalArgumentException(location(index, unreachable) + " would never apply, because "
                        + location(i, cases.get(i)) + " matches all of its requests before; remove one of them, or"
                        + " change their order.");
            }
        }
        if (last(cases.subList(0, index)) != null) {
            throw new IllegalArgumentException(location(index, unreachable)
                    + " would never apply, because the cases before it match every request; remove it, or write it"
                    + " before them.");
        }
        List<AddressRange> ranges = unreachable.ranges();
        if (!exempt.isEmpty()
                && !ranges.isEmpty()
                && ranges.stream().allMatch(range -> exempt.stream().anyMatch(wide -> wide.covers(range)))) {
            throw new IllegalArgumentException(location(index, unreachable)
                    + " would never apply, because its clients are exempt; remove it, or the range in exempt.");
        }
    }

    /** The order of ranges should not decide, because an operator reads them as a table of networks. */
    private static void requireSameAnswer(List<PolicyCase> cases, int first, int second) {
        PolicyCase one = cases.get(first);
        PolicyCase other = cases.get(second);
        for (AddressRange range : one.onlyRanges()) {
            for (AddressRange further : other.onlyRanges()) {
                if (range.overlaps(further)
                        && !(one.allowance().equals(other.allowance()) && Objects.equals(one.key(), other.key()))) {
                    throw new IllegalArgumentException("\"" + range + "\" of cases[" + first + "] and \"" + further
                            + "\" of cases[" + second
                            + "] overlap and have different limits; write ranges that do not overlap.");
                }
            }
        }
    }

    /** Returns the cases that leave no request to later ones, as the start of a clause; {@code null} if none do. */
    private static @Nullable String last(List<PolicyCase> cases) {
        for (int i = 0; i < cases.size(); i++) {
            if (cases.get(i).conditions().isEmpty()) {
                return location(i, cases.get(i)) + " matches";
            }
        }
        boolean anonymous = cases.stream().anyMatch(one -> one.isOnly(ANONYMOUS));
        boolean authenticated = cases.stream().anyMatch(one -> one.isOnly(AUTHENTICATED));
        return anonymous && authenticated ? "the cases for anonymous and authenticated requests match" : null;
    }

    private static String location(int index, PolicyCase of) {
        return "cases[" + index + "] (\"" + of.when() + "\")";
    }

    /**
     * Returns the cases in order, with that of the policy's own limits at the end.
     *
     * @return at least one
     */
    public List<PolicyCase> all() {
        return cases;
    }

    /**
     * Returns the exempt clients.
     *
     * @return ranges in canonical form; empty if there are none
     */
    public List<String> exempt() {
        return exempt.stream().map(AddressRange::text).toList();
    }

    /**
     * Returns whether a case depends on roles or claims, which only some servers know.
     *
     * @return {@code true} if a case needs more of the user than the name
     */
    public boolean needRoles() {
        return cases.stream().anyMatch(PolicyCase::needsRoles);
    }

    /**
     * Rejects ranges of IPv6 addresses within one client.
     *
     * @param ipv6Prefix the length of the prefix that identifies an IPv6 client, in bits
     * @throws IllegalArgumentException if a range is longer than the prefix
     */
    public void requireGroups(int ipv6Prefix) {
        Set<AddressRange> ranges = new LinkedHashSet<>(exempt);
        cases.forEach(one -> ranges.addAll(one.ranges()));
        for (AddressRange range : ranges) {
            if (range.ipv6() && range.bits() > ipv6Prefix) {
                throw new IllegalArgumentException("\"" + range + "\" is a part of one client, because all addresses of"
                        + " an IPv6 prefix of " + ipv6Prefix + " bits count as one; write a range of at most "
                        + ipv6Prefix + " bits, or set ipv6-prefix to " + range.bits() + ".");
            }
        }
    }

    /**
     * Makes a table that chooses among values instead of cases.
     *
     * @param values returns the value of a case
     * @param <T>    the type of the values
     * @return the table
     */
    public <T> CaseChoice<T> map(Function<PolicyCase, T> values) {
        return new CaseChoice<>(cases.stream().map(PolicyCase::conditions).toList(), cases, exempt).map(values);
    }

    /** Returns the text forms of the cases. */
    @Override
    public String toString() {
        return cases.toString();
    }
}
