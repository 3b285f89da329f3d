package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.PolicyCases;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
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

    private static final Set<String> OF_RULE = Set.of("path", "methods", "policy", "key", "permits", "mode", "skip");
    private static final Set<String> MODES = Set.of("exact", "shadow");
    private static final Set<String> SKIPPED = Set.of("upgrades", "assets");

    private final String file;
    private final YamlProperties yaml;
    private final Map<String, String> applied;
    private final @Nullable String onlyKey;
    private final List<String> notes = new ArrayList<>();
    private final Map<String, ConfiguredPolicy> policies = new LinkedHashMap<>();

    /** The policies that rules name. */
    private final Set<String> ruled = new LinkedHashSet<>();

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
            if (property.startsWith(PolicyReader.POLICIES)) {
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
        boolean shadow = "true".equals(yaml.value(PREFIX + "shadow"));
        if (shadow) {
            notes.add(
                    "ratelimit.shadow is true, so the application denies nothing; all policies are replayed as if they"
                            + " denied.");
        }
        String context = contextPath();
        String ipv6 = yaml.value(PREFIX + "ipv6-prefix");
        int ipv6Bits = ipv6 == null ? Candidate.IPV6_BITS : number("ratelimit.ipv6-prefix", ipv6);
        PolicyReader reader = new PolicyReader(file, yaml, context, shadow, ipv6Bits, notes);
        names.forEach(name -> policies.put(name, reader.read(name)));
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
        List<String> defaults = "false".equals(yaml.value(PREFIX + "exclude-defaults")) ? List.of() : DEFAULT_EXCLUDES;
        return new Candidate(
                file,
                rules,
                paths(context, yaml.commaList(PREFIX + "exclude")),
                paths(context, defaults),
                excluded(context, defaults),
                ipv6Bits,
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
        String rest = property.substring(PolicyReader.POLICIES.length());
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

    private ReplayRule rule(int index) {
        String prefix = RULES + index + "].";
        for (String property : yaml.names()) {
            if (property.startsWith(prefix) && !OF_RULE.contains(property.substring(prefix.length()))) {
                throw new InvalidPolicyException(PolicyReader.unknown(property, file));
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
        boolean shadow = isShadow(prefix, path);
        noteSkipped(prefix, path);
        ruled.add(policy);
        try {
            return rule(
                    path,
                    yaml.commaList(prefix + "methods"),
                    policy,
                    key == null ? null : PolicyReader.key(key),
                    permits == null ? Cost.ONE : Cost.parse(permits),
                    shadow);
        } catch (IllegalArgumentException e) {
            throw new InvalidPolicyException(prefix + " in " + file + ": " + e.getMessage());
        }
    }

    private boolean isShadow(String prefix, String path) {
        String mode = yaml.value(prefix + "mode");
        if (mode != null && !MODES.contains(mode.toLowerCase(Locale.ROOT))) {
            throw new InvalidPolicyException(
                    prefix + "mode = \"" + mode + "\" in " + file + " is invalid; write exact or shadow.");
        }
        boolean shadow = "shadow".equalsIgnoreCase(mode);
        if (shadow) {
            notes.add("The rule for " + path + " is in shadow mode; it is replayed as if it denied.");
        }
        return shadow;
    }

    private void noteSkipped(String prefix, String path) {
        List<String> skipped = yaml.commaList(prefix + "skip");
        for (String word : skipped) {
            if (!SKIPPED.contains(word.toLowerCase(Locale.ROOT))) {
                throw new InvalidPolicyException(
                        prefix + "skip = \"" + word + "\" in " + file + " is invalid; write upgrades, assets or both.");
            }
        }
        if (!skipped.isEmpty()) {
            notes.add("The rule for " + path + " skips " + String.join(" and ", skipped)
                    + ", which a log does not tell from other requests; they are replayed under the rule.");
        }
    }

    private ReplayRule rule(
            String path, List<String> methods, String name, @Nullable KeyTemplate ownKey, Cost cost, boolean shadow) {
        ConfiguredPolicy policy = policies.get(name);
        if (policy == null) {
            throw new InvalidPolicyException("A rule in " + file + " names the policy \"" + name
                    + "\", which is missing;" + " name one of " + policies.keySet() + ".");
        }
        KeyTemplate key = ownKey == null ? policy.key() : ownKey;
        String configured = yaml.value(PREFIX + "default-key");
        KeyTemplate own = key == null ? PolicyReader.key(configured == null ? "{ip}" : configured) : key;
        LimitCheck.requirePermits(cost);
        ReplayRule plain = new ReplayRule(
                path,
                methods,
                new PathRule(contextPath(), path, methods),
                replayed(policy.policy(), shadow),
                replayed(own),
                cost,
                policy.overrides());
        PolicyCases cases = policy.cases();
        ReplayRule rule = cases == null
                ? plain
                : plain.withCases(ReplayCases.of(
                        cases,
                        one -> plain.ofCase(
                                one.when(),
                                one.allowance().kind(),
                                replayed(policy.policyOf(one), shadow),
                                replayed(one.key() == null ? own : one.key()))));
        rule.variants().forEach(this::requireGrantable);
        return rule;
    }

    /** Returns a policy that denies, with the name that a rule in shadow mode gives it. */
    private static Policy replayed(Policy policy, boolean shadow) {
        return (shadow ? policy.asShadow() : policy).withShadow(false);
    }

    private KeyTemplate replayed(KeyTemplate key) {
        return onlyKey == null ? key : PolicyReader.key(onlyKey);
    }

    private void requireGrantable(ReplayRule rule) {
        String subject = "the policy \"" + rule.policy().name() + "\"";
        if (rule.kind() == Allowance.Kind.LIMITED) {
            LimitCheck.requireGrantable(rule.cost(), rule.policy().rateLimits(), subject);
        }
        rule.overrides().forEach((key, allowance) -> {
            if (allowance.isLimited()) {
                LimitCheck.requireGrantable(
                        rule.cost(),
                        allowance.limits().rateLimits(),
                        subject + " with its override for \"" + key + "\"");
            }
        });
    }

    /** Adds rules for the policies that no rule names, which annotations or code use in the application. */
    private void unruled(List<ReplayRule> rules) {
        for (String name : policies.keySet()) {
            boolean isRuled = ruled.contains(name);
            String path = applied.get(name);
            if (path != null || !isRuled) {
                rules.add(rule(path == null ? "/**" : path, List.of(), name, null, Cost.ONE, false));
            }
            if (path == null && !isRuled) {
                notes.add("No rule names the policy \"" + name + "\", so it is replayed on all requests; pass --apply "
                        + name + "=/PATH/** for the paths of its annotations.");
            }
        }
    }

    private void requireReplayable(List<ReplayRule> rules) {
        for (ReplayRule rule : rules) {
            for (ReplayRule variant : rule.variants()) {
                requireReplayable(variant);
            }
        }
    }

    private void requireReplayable(ReplayRule rule) {
        boolean isOverrideReplayable = rule.overrides().values().stream()
                .allMatch(one -> !one.isLimited() || !one.limits().rateLimits().isEmpty());
        if (rule.policy().rateLimits().isEmpty() || !isOverrideReplayable) {
            throw new InvalidPolicyException("The policy \"" + rule.policy().name() + "\" in " + file
                    + " cannot be replayed, because it has only a concurrency limit"
                    + (isOverrideReplayable ? "" : " for a key")
                    + " and a log does not say how long"
                    + " requests took; pass a copy of the file with a rate limit, or without the policy.");
        }
        if (rule.policy().concurrency() != null) {
            notes.add("The limit \"" + rule.policy().concurrency() + "\" of the policy \""
                    + rule.policy().name() + "\" is not replayed, because a log does not say how long requests took.");
        }
    }
}
