package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PathRule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code ratelimit.policies} and {@code ratelimit.rules} of an {@code application.yml}. Other settings of the
 * file
 * are ignored; an unknown setting of a policy or rule is refused, because the replay would differ from the application.
 */
public final class PolicyFile {

    private static final String PREFIX = "ratelimit.";
    private static final String POLICIES = "ratelimit.policies.";
    private static final String RULES = "ratelimit.rules[";

    /** The default of {@code ratelimit.exclude-defaults}. */
    static final List<String> DEFAULT_EXCLUDES = List.of(
            "/health/**",
            "/metrics/**",
            "/prometheus",
            "/swagger/**",
            "/swagger-ui/**",
            "/redoc/**",
            "/rapidoc/**",
            "/openapi-explorer/**",
            "/scalar/**",
            "/favicon.ico");

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

    private static final Set<String> REPLAYED =
            Set.of("limits", "key", "charge-on", "refund-on", "block", "overrides", "max-wait", "local-limit");
    private static final Set<String> OF_RULE = Set.of("path", "methods", "policy", "key", "permits");

    private final String file;
    private final YamlProperties yaml;
    private final Map<String, String> applied;
    private final @Nullable String onlyKey;
    private final List<String> notes = new ArrayList<>();
    private final Map<String, ConfiguredPolicy> policies = new LinkedHashMap<>();

    private record ConfiguredPolicy(Policy policy, @Nullable KeyTemplate key, Map<String, LimitSet> overrides) {}

    private PolicyFile(String file, String text, Map<String, String> applied, @Nullable String onlyKey) {
        this.file = file;
        this.onlyKey = onlyKey;
        this.yaml = new YamlProperties(file, text);
        this.applied = applied;
    }

    /**
     * Reads a file.
     *
     * @param file    its name, which also names the candidate
     * @param text    its content
     * @param applied the paths of policies that annotations apply in the application, by policy; a policy without a
     *                rule and without a path applies to all requests
     * @param onlyKey replaces the keys of all rules and policies; {@code null} to keep them
     * @return the candidate
     * @throws InvalidPolicyException if the file has no policies, or a policy is invalid or cannot be replayed
     */
    public static Candidate read(String file, String text, Map<String, String> applied, @Nullable String onlyKey) {
        return new PolicyFile(file, text, applied, onlyKey).candidate();
    }

    private Candidate candidate() {
        Set<String> names = new LinkedHashSet<>();
        Set<Integer> indices = new LinkedHashSet<>();
        for (String property : yaml.names()) {
            if (property.startsWith(POLICIES)) {
                names.add(policyIn(property));
            } else if (property.startsWith(RULES)) {
                indices.add(Integer.parseInt(property.substring(RULES.length(), property.indexOf(']'))));
            }
        }
        if (names.isEmpty()) {
            throw new InvalidPolicyException(
                    "The file " + file + " has no ratelimit.policies; pass an application.yml with"
                            + " policies, or --limit \"100/min\" --key \"{ip}\".");
        }
        if ("false".equals(yaml.value(PREFIX + "enabled"))) {
            throw new InvalidPolicyException("The file " + file + " has ratelimit.enabled: false, so nothing would be"
                    + " limited; remove the line.");
        }
        if (yaml.value(PREFIX + "default") != null) {
            notes.add("ratelimit.default is not replayed, because a log does not name the routes without a limit.");
        }
        names.forEach(name -> policies.put(name, policy(name)));
        for (String name : applied.keySet()) {
            if (!policies.containsKey(name)) {
                throw new InvalidPolicyException("--apply names the policy \"" + name + "\", which " + file
                        + " does not contain; name one of " + policies.keySet() + ".");
            }
        }
        List<ReplayRule> rules = new ArrayList<>();
        indices.stream().sorted().forEach(index -> rules.add(rule(index)));
        unruled(rules);
        requireReplayable(rules);
        String context = contextPath();
        List<String> defaults = "false".equals(yaml.value(PREFIX + "exclude-defaults")) ? List.of() : DEFAULT_EXCLUDES;
        String ipv6 = yaml.value(PREFIX + "ipv6-prefix");
        return new Candidate(
                file,
                rules,
                paths(context, yaml.commaList(PREFIX + "exclude")),
                paths(context, defaults),
                excluded(context, defaults),
                ipv6 == null ? Candidate.IPV6_BITS : number("ratelimit.ipv6-prefix", ipv6),
                false,
                notes);
    }

    private int number(String property, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new InvalidPolicyException(
                    property + " = \"" + text + "\" in " + file + " is not a number; write one" + " such as 64.");
        }
    }

    private static String policyIn(String property) {
        String rest = property.substring(POLICIES.length());
        int dot = rest.indexOf('.');
        return dot < 0 ? rest : rest.substring(0, dot);
    }

    private String contextPath() {
        String configured = yaml.value("micronaut.server.context-path");
        if (configured == null || configured.isEmpty() || configured.equals("/")) {
            return "";
        }
        String path = configured.endsWith("/") ? configured.substring(0, configured.length() - 1) : configured;
        return path.startsWith("/") ? path : "/" + path;
    }

    private String excluded(String context, List<String> defaults) {
        List<String> configured = yaml.commaList(PREFIX + "exclude");
        return configured.isEmpty() && defaults.isEmpty() ? "" : context + configured + defaults;
    }

    private static List<PathRule> paths(String context, List<String> patterns) {
        return patterns.stream()
                .map(pattern -> new PathRule(context, pattern, List.of()))
                .toList();
    }

    private ConfiguredPolicy policy(String name) {
        String prefix = POLICIES + name;
        for (String property : yaml.names()) {
            if (property.startsWith(prefix + ".")) {
                requireKnown(property, property.substring(prefix.length() + 1).replaceAll("[\\[.].*", ""));
            }
        }
        List<String> limits = yaml.list(prefix + ".limits");
        if (limits.isEmpty()) {
            throw new InvalidPolicyException(
                    prefix + ".limits is missing in " + file + "; write at least one limit, such" + " as \"100/min\".");
        }
        if (yaml.value(prefix + ".max-wait") != null) {
            notes.add("The policy \"" + name + "\" has max-wait; requests that would wait are counted as denied.");
        }
        if ("shadow".equals(yaml.value(prefix + ".mode"))) {
            notes.add("The policy \"" + name + "\" is in shadow mode; it is replayed as if it denied.");
        }
        if (yaml.value(prefix + ".candidate") != null) {
            notes.add("The candidate of the policy \"" + name + "\" is not replayed; pass it as --limit.");
        }
        if (yaml.value(prefix + ".local-limit") != null) {
            notes.add("The local-limit of the policy \"" + name + "\" is not replayed.");
        }
        try {
            Policy policy = Policy.of(name, LimitSet.parseAll(limits));
            List<String> chargeOn = yaml.commaList(prefix + ".charge-on");
            List<String> refundOn = yaml.commaList(prefix + ".refund-on");
            policy = chargeOn.isEmpty() ? policy : policy.withChargeOn(statuses(name, chargeOn));
            policy = refundOn.isEmpty() ? policy : policy.withRefundOn(statuses(name, refundOn));
            String block = yaml.value(prefix + ".block");
            policy = block == null ? policy : policy.withBlock(block);
            String key = yaml.value(prefix + ".key");
            return new ConfiguredPolicy(policy, key == null ? null : key(key), overrides(prefix));
        } catch (IllegalArgumentException e) {
            throw new InvalidPolicyException(prefix + " in " + file + ": " + e.getMessage());
        }
    }

    /** An exception class is not in a log, and cannot be loaded here. */
    private List<String> statuses(String name, List<String> outcomes) {
        for (String outcome : outcomes) {
            if (!Character.isDigit(outcome.charAt(0))) {
                throw new InvalidPolicyException("The policy \"" + name + "\" in " + file + " depends on the exception "
                        + outcome + ", which no log contains; pass a copy of the file with statuses, such as 4xx.");
            }
        }
        return outcomes;
    }

    private void requireKnown(String property, String word) {
        if (!REPLAYED.contains(word) && !IRRELEVANT.contains(word)) {
            throw new InvalidPolicyException(
                    property + " in " + file + " is not known to the simulator, so the replay would"
                            + " differ from the application; pass a copy of the file without it.");
        }
    }

    private Map<String, LimitSet> overrides(String prefix) {
        Map<String, LimitSet> overrides = new LinkedHashMap<>();
        for (int i = 0; yaml.value(prefix + ".overrides[" + i + "].key") != null; i++) {
            String property = prefix + ".overrides[" + i + "]";
            overrides.put(
                    String.valueOf(yaml.value(property + ".key")), LimitSet.parseAll(yaml.list(property + ".limits")));
        }
        return overrides;
    }

    private static KeyTemplate key(String text) {
        KeyTemplate key = KeyTemplate.parse(text);
        LimitCheck.requireBraces(key);
        return key;
    }

    private ReplayRule rule(int index) {
        String prefix = RULES + index + "].";
        for (String property : yaml.names()) {
            if (property.startsWith(prefix) && !OF_RULE.contains(property.substring(prefix.length()))) {
                requireKnown(property, property);
            }
        }
        String path = yaml.value(prefix + "path");
        String policy = yaml.value(prefix + "policy");
        if (path == null || policy == null) {
            throw new InvalidPolicyException(prefix + (path == null ? "path" : "policy") + " is missing in " + file
                    + "; write a rule like {path: \"/api/**\", policy: write}.");
        }
        String key = yaml.value(prefix + "key");
        String permits = yaml.value(prefix + "permits");
        try {
            return rule(
                    path,
                    yaml.commaList(prefix + "methods"),
                    policy,
                    key == null ? null : key(key),
                    permits == null ? Cost.ONE : Cost.parse(permits));
        } catch (IllegalArgumentException e) {
            throw new InvalidPolicyException(prefix + " in " + file + ": " + e.getMessage());
        }
    }

    private ReplayRule rule(String path, List<String> methods, String name, @Nullable KeyTemplate ownKey, Cost cost) {
        ConfiguredPolicy policy = policies.get(name);
        if (policy == null) {
            throw new InvalidPolicyException("A rule in " + file + " names the policy \"" + name
                    + "\", which is missing;" + " name one of " + policies.keySet() + ".");
        }
        KeyTemplate key = ownKey == null ? policy.key : ownKey;
        String configured = yaml.value(PREFIX + "default-key");
        KeyTemplate own = key == null ? key(configured == null ? "{ip}" : configured) : key;
        KeyTemplate effective = onlyKey == null ? own : key(onlyKey);
        LimitCheck.requirePermits(cost);
        LimitCheck.requireGrantable(cost, policy.policy.rateLimits(), "the policy \"" + name + "\"");
        return new ReplayRule(
                path,
                methods,
                new PathRule(contextPath(), path, methods),
                policy.policy,
                effective,
                cost,
                policy.overrides);
    }

    /** Adds rules for the policies that no rule names, which annotations or code use in the application. */
    private void unruled(List<ReplayRule> rules) {
        for (String name : policies.keySet()) {
            boolean isRuled =
                    rules.stream().anyMatch(rule -> rule.policy().name().equals(name));
            String path = applied.get(name);
            if (path != null || !isRuled) {
                rules.add(rule(path == null ? "/**" : path, List.of(), name, null, Cost.ONE));
            }
            if (path == null && !isRuled) {
                notes.add("No rule names the policy \"" + name + "\", so it is replayed on all requests; pass --apply "
                        + name + "=/PATH/** for the paths of its annotations.");
            }
        }
    }

    private void requireReplayable(List<ReplayRule> rules) {
        for (ReplayRule rule : rules) {
            if (rule.policy().rateLimits().isEmpty()) {
                throw new InvalidPolicyException("The policy \"" + rule.policy().name() + "\" in " + file
                        + " cannot be replayed, because it has only a concurrency limit and a log does not say how long"
                        + " requests took; pass a copy of the file with a rate limit, or without the policy.");
            }
            if (rule.policy().concurrency() != null) {
                notes.add("The limit \"" + rule.policy().concurrency() + "\" of the policy \""
                        + rule.policy().name()
                        + "\" is not replayed, because a log does not say how long requests took.");
            }
        }
    }
}
