package io.github.micronautratelimit.processor;

import io.micronaut.core.annotation.Internal;
import java.net.URI;
import java.util.List;

/**
 * The body of a denial, as OpenAPI describes it. Nothing creates it: {@code DenialResponses} writes the text.
 *
 * @param type             the problem type, {@code https://iana.org/assignments/http-problem-types#quota-exceeded}
 * @param title            the reason phrase of the status
 * @param status           the status
 * @param detail           a sentence for people
 * @param violatedPolicies the names of the policies that denied; in JSON {@code violated-policies}
 */
@Internal
public record RateLimitProblem(URI type, String title, int status, String detail, List<String> violatedPolicies) {}
