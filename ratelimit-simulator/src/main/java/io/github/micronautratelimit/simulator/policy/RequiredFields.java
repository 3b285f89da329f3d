package io.github.micronautratelimit.simulator.policy;

import io.github.micronautratelimit.simulator.log.FieldName;
import io.github.micronautratelimit.web.KeyTemplate;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds the fields of a log that candidates need, and rejects what no log contains. */
public final class RequiredFields {

    /** Stands for the status of the response, on which the charge depends. */
    private static final KeyTemplate.Part OUTCOME =
            new KeyTemplate.Part(KeyTemplate.Source.TEXT, "charge-on or refund-on");

    private RequiredFields() {}

    /**
     * Returns the fields beside the address of the client.
     *
     * @param candidates the candidates
     * @return the placeholder that needs a field, by {@linkplain FieldName field}
     * @throws InvalidPolicyException if a key or a cost needs what no log contains
     */
    public static Map<String, KeyTemplate.Part> of(Iterable<Candidate> candidates) {
        Map<String, KeyTemplate.Part> fields = new LinkedHashMap<>();
        for (Candidate candidate : candidates) {
            for (ReplayRule rule : candidate.rules()) {
                for (KeyTemplate.Part part : rule.key().parts()) {
                    add(fields, part, candidate, rule);
                }
                if (rule.policy().outcomes() != null) {
                    fields.putIfAbsent(FieldName.STATUS, OUTCOME);
                }
                if (rule.cost().given() != null) {
                    add(fields, rule.cost().given(), candidate, rule);
                }
            }
        }
        return fields;
    }

    /**
     * Returns the fields that formats read on demand only.
     *
     * @param fields all required fields
     */
    public static Set<String> values(Set<String> fields) {
        return fields.stream().filter(field -> field.indexOf(':') > 0).collect(Collectors.toUnmodifiableSet());
    }

    private static void add(
            Map<String, KeyTemplate.Part> fields, KeyTemplate.Part part, Candidate candidate, ReplayRule rule) {
        String field = field(part, candidate, rule);
        if (field != null) {
            fields.putIfAbsent(field, part);
        }
    }

    private static @Nullable String field(KeyTemplate.Part part, Candidate candidate, ReplayRule rule) {
        return switch (part.source()) {
            case TEXT, GLOBAL, IP, QUERY -> null;
            case PRINCIPAL, PRINCIPAL_OR_IP -> FieldName.USER;
            case API_KEY -> FieldName.header("X-API-Key");
            case BEARER_TOKEN -> FieldName.header("Authorization");
            case BODY_SIZE -> FieldName.header("Content-Length");
            case HEADER -> FieldName.header(part.name());
            case COOKIE -> FieldName.cookie(part.name());
            case PATH, BEAN, CONNECTION, ROLE, CLAIM -> throw new InvalidPolicyException("The policy \""
                    + rule.policy().name() + "\" of " + candidate.name()
                    + " cannot be replayed, because no access log contains " + part + "; pass --key with a key such"
                    + " as \"{ip}\", or record the decisions of the application with ratelimit.record.path.");
        };
    }
}
