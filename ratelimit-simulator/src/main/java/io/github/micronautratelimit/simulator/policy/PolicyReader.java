package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads single policies of a file. An unknown setting is refused, because the replay would differ. */
final class PolicyReader {

    static final String POLICIES = "ratelimit.policies.";

    /** Settings of a policy that change no decision of a store that answers. */
    private static final Set<String> IRRELEVANT = Set.of(
            "on-error",
            "deadline",
            "mode",
            "max-prefetch",
            "hold-at-most",
            "hold-until",
            "max-debt",
            "max-reservations",
            "unsettled",
            "candidate");

    private static final Set<String> REPLAYED = Set.of(
            "limits",
            "key",
            "charge-on",
            "refund-on",
            "block",
            "overrides",
            "cases",
            "exempt",
            "max-wait",
            "local-limit");

    private static final List<String> OF_CASE = List.of("when", "limits", "key");

    /** The limits of a policy that never decides with limits of its own. */
    private static final LimitSet NEVER_USED = LimitSet.parse("1/s");

    private final String file;
    private final YamlProperties yaml;
    private final String contextPath;
    private final boolean shadow;
    private final int ipv6Bits;
    private final List<String> notes;

    /**
     * Creates a reader.
     *
     * @param file        the name of the file, for messages
     * @param yaml        its properties
     * @param contextPath the path of the application; empty for the root
     * @param shadow      whether all policies are in shadow mode
     * @param ipv6Bits    the length of the prefix that identifies an IPv6 client
     * @param notes       receives sentences on what the replay leaves out
     */
    PolicyReader(
            String file, YamlProperties yaml, String contextPath, boolean shadow, int ipv6Bits, List<String> notes) {
        this.file = file;
        this.yaml = yaml;
        this.contextPath = contextPath;
        this.shadow = shadow;
        this.ipv6Bits = ipv6Bits;
        this.notes = notes;
    }

    /**
     * Reads a policy. Its mode is kept, although the replay decides as if the policy denied.
     *
     * @throws InvalidPolicyException if it is invalid or cannot be replayed
     */
    ConfiguredPolicy read(String name) {
        String prefix = POLICIES + name;
        for (String property : yaml.names()) {
            if (property.startsWith(prefix + ".")) {
                requireKnown(property, property.substring(prefix.length() + 1).replaceAll("[\\[.].*", ""));
            }
        }
        List<String> limits = yaml.list(prefix + ".limits");
        List<?> written = yaml.items(prefix + ".cases");
        if (limits.isEmpty() && written.isEmpty()) {
            throw new InvalidPolicyException(
                    prefix + ".limits is missing in " + file + "; write at least one limit, such" + " as \"100/min\".");
        }
        addNotes(name, prefix);
        try {
            LimitSet own = limits.isEmpty() ? null : LimitSet.parseAll(limits);
            PolicyCases cases = cases(prefix, written, own);
            Map<PolicyCase, Policy> casePolicies = new HashMap<>();
            if (cases != null) {
                cases.all().forEach(one -> casePolicies.put(one, policyOf(one, name, prefix)));
            }
            String key = yaml.value(prefix + ".key");
            return new ConfiguredPolicy(
                    policy(name, prefix, own == null ? NEVER_USED : own),
                    key == null ? null : key(key),
                    overrides(prefix),
                    cases,
                    Map.copyOf(casePolicies));
        } catch (IllegalArgumentException e) {
            throw new InvalidPolicyException(prefix + " in " + file + ": " + e.getMessage());
        }
    }

    private void requireKnown(String property, String word) {
        if (!REPLAYED.contains(word) && !IRRELEVANT.contains(word)) {
            throw new InvalidPolicyException(unknown(property, file));
        }
    }

    /** Returns the refusal of a property that the simulator does not know. */
    static String unknown(String property, String file) {
        return property + " in " + file + " is not known to the simulator, so the replay would"
                + " differ from the application; pass a copy of the file without it.";
    }

    private void addNotes(String name, String prefix) {
        if (yaml.value(prefix + ".max-wait") != null) {
            notes.add("The policy \"" + name + "\" has max-wait; requests that would wait are counted as denied.");
        }
        if (isShadow(prefix)) {
            notes.add("The policy \"" + name + "\" is in shadow mode; it is replayed as if it denied.");
        }
        if (yaml.value(prefix + ".candidate") != null) {
            notes.add("The candidate of the policy \"" + name + "\" is not replayed; pass it as --limit.");
        }
        if (yaml.value(prefix + ".local-limit") != null) {
            notes.add("The local-limit of the policy \"" + name + "\" is not replayed.");
        }
    }

    private boolean isShadow(String prefix) {
        return "shadow".equalsIgnoreCase(yaml.value(prefix + ".mode"));
    }

    private Policy policyOf(PolicyCase one, String name, String prefix) {
        return policy(
                one.policyName(name),
                prefix,
                one.allowance().isLimited() ? one.allowance().limits() : NEVER_USED);
    }

    private Policy policy(String name, String prefix, LimitSet limits) {
        Policy policy = Policy.of(name, limits).withShadow(shadow || isShadow(prefix));
        if (policy.rateLimits().isEmpty()) {
            return policy;
        }
        List<String> chargeOn = yaml.commaList(prefix + ".charge-on");
        List<String> refundOn = yaml.commaList(prefix + ".refund-on");
        policy = chargeOn.isEmpty() ? policy : policy.withChargeOn(statuses(prefix, chargeOn));
        policy = refundOn.isEmpty() ? policy : policy.withRefundOn(statuses(prefix, refundOn));
        String block = yaml.value(prefix + ".block");
        return block == null ? policy : policy.withBlock(block);
    }

    /** An exception class is not in a log, and cannot be loaded here. */
    private List<String> statuses(String prefix, List<String> outcomes) {
        for (String outcome : outcomes) {
            if (!Character.isDigit(outcome.charAt(0))) {
                throw new InvalidPolicyException("The policy \"" + prefix.substring(POLICIES.length()) + "\" in " + file
                        + " depends on the exception " + outcome
                        + ", which no log contains; pass a copy of the file with statuses, such as 4xx.");
            }
        }
        return outcomes;
    }

    private Map<String, Allowance> overrides(String prefix) {
        Map<String, Allowance> overrides = new LinkedHashMap<>();
        for (int i = 0; yaml.value(prefix + ".overrides[" + i + "].key") != null; i++) {
            String property = prefix + ".overrides[" + i + "]";
            overrides.put(
                    String.valueOf(yaml.value(property + ".key")), Allowance.parse(yaml.list(property + ".limits")));
        }
        return overrides;
    }

    private @Nullable PolicyCases cases(String prefix, List<?> written, @Nullable LimitSet own) {
        List<String> exempt = yaml.commaList(prefix + ".exempt");
        if (written.isEmpty() && exempt.isEmpty()) {
            return null;
        }
        List<PolicyCase> cases = new ArrayList<>();
        for (int i = 0; i < written.size(); i++) {
            cases.add(oneCase(written.get(i), prefix + ".cases[" + i + "]"));
        }
        PolicyCases all = PolicyCases.of(cases, own == null ? null : Allowance.of(own), exempt);
        all.requireGroups(ipv6Bits);
        return all;
    }

    private PolicyCase oneCase(@Nullable Object written, String property) {
        if (!(written instanceof Map<?, ?> map)) {
            return PolicyCase.parse(String.valueOf(written), contextPath);
        }
        if (map.size() == 1
                && !OF_CASE.contains(String.valueOf(map.keySet().iterator().next()))) {
            Map.Entry<?, ?> line = map.entrySet().iterator().next();
            return PolicyCase.parse(line.getKey() + ": " + line.getValue(), contextPath);
        }
        for (Object name : map.keySet()) {
            if (!OF_CASE.contains(String.valueOf(name))) {
                throw new InvalidPolicyException(unknown(property + "." + name, file));
            }
        }
        Object key = map.get("key");
        return PolicyCase.of(
                texts(map.get("when")), texts(map.get("limits")), key == null ? null : key.toString(), contextPath);
    }

    private static List<String> texts(@Nullable Object value) {
        if (value instanceof Collection<?> several) {
            return several.stream().map(String::valueOf).toList();
        }
        return value == null ? List.of() : List.of(value.toString());
    }

    /** Reads the template of a key, which must have a placeholder. */
    static KeyTemplate key(String text) {
        KeyTemplate key = KeyTemplate.parse(text);
        LimitCheck.requireBraces(key);
        return key;
    }
}
