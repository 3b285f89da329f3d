package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.simulator.log.FieldName;
import io.github.micronautratelimit.web.KeyTemplate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds the fields of a log that candidates need, and rejects what no access log contains. */
public final class RequiredFields {

    private RequiredFields() {}

    /**
     * A need for a field.
     *
     * @param text       what needs the field, such as <code>{principal} of a policy</code>
     * @param isOfCase   whether a case of a policy needs it, so that another key does not help
     * @param isOptional whether the replay can do without
     */
    public record Need(String text, boolean isOfCase, boolean isOptional) {}

    /**
     * Returns the fields beside the address of the client.
     *
     * @param candidates the candidates
     * @return the strictest need for each {@linkplain FieldName field}
     */
    public static Map<String, Need> of(Iterable<Candidate> candidates) {
        Map<String, Need> fields = new LinkedHashMap<>();
        for (Candidate candidate : candidates) {
            for (ReplayRule rule : candidate.rules()) {
                placeholdersOfCases(rule).forEach(part -> add(fields, part, true));
                for (ReplayRule variant : rule.variants()) {
                    placeholders(variant).forEach(part -> add(fields, part, false));
                    if (variant.policy().outcomes() != null) {
                        fields.putIfAbsent(
                                FieldName.STATUS, new Need("charge-on or refund-on of a policy", false, false));
                    }
                }
            }
        }
        return fields;
    }

    /**
     * Rejects candidates that need what no access log contains. Recorded decisions need nothing, because they contain
     * the key and the case.
     *
     * @param candidates the candidates
     * @throws InvalidPolicyException if a key, a cost or a case needs what no access log contains
     */
    public static void requireLogged(Iterable<Candidate> candidates) {
        for (Candidate candidate : candidates) {
            for (ReplayRule rule : candidate.rules()) {
                for (KeyTemplate.Part part : placeholdersOfCases(rule)) {
                    requireLogged(part, candidate, rule, "a copy of the file without the case");
                }
                for (ReplayRule variant : rule.variants()) {
                    for (KeyTemplate.Part part : placeholders(variant)) {
                        requireLogged(part, candidate, variant, "--key with a key such as \"{ip}\"");
                    }
                }
            }
        }
    }

    private static void requireLogged(KeyTemplate.Part part, Candidate candidate, ReplayRule rule, String instead) {
        if (isNeverLogged(part)) {
            throw new InvalidPolicyException("The policy \"" + rule.policy().name() + "\" of " + candidate.name()
                    + " cannot be replayed, because no access log contains " + part + "; pass " + instead
                    + ", or record the decisions of the application with ratelimit.record.path.");
        }
    }

    /**
     * Returns the fields that formats read on demand only.
     *
     * @param fields all required fields
     */
    public static Set<String> values(Set<String> fields) {
        return fields.stream().filter(field -> field.indexOf(':') > 0).collect(Collectors.toUnmodifiableSet());
    }

    private static List<KeyTemplate.Part> placeholdersOfCases(ReplayRule rule) {
        return rule.cases() == null ? List.of() : rule.cases().placeholders();
    }

    private static List<KeyTemplate.Part> placeholders(ReplayRule rule) {
        List<KeyTemplate.Part> placeholders = new ArrayList<>(rule.key().parts());
        if (rule.cost().given() != null) {
            placeholders.add(rule.cost().given());
        }
        return placeholders;
    }

    private static void add(Map<String, Need> fields, KeyTemplate.Part part, boolean isOfCase) {
        String field = field(part);
        if (field == null) {
            return;
        }
        boolean isOptional = part.source() == KeyTemplate.Source.PRINCIPAL_OR_IP;
        Need need = new Need(part + (isOfCase ? " of a case" : "") + " of a policy", isOfCase, isOptional);
        fields.merge(field, need, (first, next) -> rank(next) > rank(first) ? next : first);
    }

    private static int rank(Need need) {
        return need.isOfCase ? 2 : need.isOptional ? 0 : 1;
    }

    private static boolean isNeverLogged(KeyTemplate.Part part) {
        return switch (part.source()) {
            case PATH, BEAN, CONNECTION, ROLE, CLAIM -> true;
            default -> false;
        };
    }

    private static @Nullable String field(KeyTemplate.Part part) {
        return switch (part.source()) {
            case TEXT, GLOBAL, IP, QUERY, PATH, BEAN, CONNECTION, ROLE, CLAIM -> null;
            case PRINCIPAL, PRINCIPAL_OR_IP -> FieldName.USER;
            case API_KEY -> FieldName.header("X-API-Key");
            case BEARER_TOKEN -> FieldName.header("Authorization");
            case BODY_SIZE -> FieldName.header("Content-Length");
            case HEADER -> FieldName.header(part.name());
            case COOKIE -> FieldName.cookie(part.name());
        };
    }
}
