package io.github.micronautratelimit.processor;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.core.annotation.AnnotationClassValue;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.annotation.AnnotationValueBuilder;
import io.micronaut.inject.ast.ClassElement;
import io.micronaut.inject.ast.Element;
import io.micronaut.inject.ast.MethodElement;
import java.lang.annotation.Annotation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The annotations of OpenAPI that describe the limits of a route, by their names. */
final class OpenApiAnnotations {

    private static final String PACKAGE = "io.swagger.v3.oas.annotations.";
    private static final String OPERATION = PACKAGE + "Operation";
    private static final String RESPONSE = PACKAGE + "responses.ApiResponse";
    private static final String STATUS = "429";

    /** Carries the response, because a response on the route itself would replace the one for status 200. */
    private static final String CARRIER = "io.github.micronautratelimit.processor.DescribedDenial";

    private OpenApiAnnotations() {}

    /** Returns whether the application describes the denial itself. */
    static boolean hasDenial(MethodElement route) {
        return Stream.<Element>of(route, route.getOwningType())
                .flatMap(element -> responses(element).stream())
                .anyMatch(response -> response.stringValue("responseCode")
                        .filter(STATUS::equals)
                        .isPresent());
    }

    private static List<AnnotationValue<Annotation>> responses(Element element) {
        List<AnnotationValue<Annotation>> responses = new ArrayList<>(element.getAnnotationValuesByName(RESPONSE));
        element.findAnnotation(OPERATION)
                .ifPresent(operation -> responses.addAll(operation.getAnnotations("responses")));
        return responses;
    }

    static void addDenial(MethodElement route, ClassElement problem) {
        nameProperties(problem);
        AnnotationValue<?> response = AnnotationValue.builder(RESPONSE)
                .member("responseCode", STATUS)
                .member("description", "A rate limit is exceeded. Try again after the time in Retry-After.")
                .member("headers", headers())
                .member("content", new AnnotationValue<?>[] {
                    of("media.Content")
                            .member("mediaType", "application/problem+json")
                            .member(
                                    "schema",
                                    of("media.Schema")
                                            .member("implementation", new AnnotationClassValue<>(problem.getName()))
                                            .build())
                            .build()
                })
                .build();
        route.annotate(AnnotationValue.builder(CARRIER)
                .stereotype(of("responses.ApiResponses")
                        .member("value", new AnnotationValue<?>[] {response})
                        .build())
                .build());
    }

    private static AnnotationValue<?>[] headers() {
        return new AnnotationValue<?>[] {
            header("Retry-After", "integer", "The seconds until the same request is allowed."),
            header("RateLimit", "string", "The remaining permits and the seconds until a reset, for each policy."),
            header("RateLimit-Policy", "string", "The limits of each policy.")
        };
    }

    private static AnnotationValue<?> header(String name, String type, String description) {
        return of("headers.Header")
                .member("name", name)
                .member("description", description)
                .member("schema", of("media.Schema").member("type", type).build())
                .build();
    }

    /** Gives a property of the body its name in JSON. */
    private static void nameProperties(ClassElement problem) {
        problem.getFields().stream()
                .filter(field -> field.getName().equals("violatedPolicies"))
                .forEach(field ->
                        field.annotate(PACKAGE + "media.Schema", schema -> schema.member("name", "violated-policies")));
    }

    /** Adds the extension {@code x-ratelimit} to the extensions that the application has written. */
    static void addLimits(MethodElement route, List<AnnotationValue<RateLimit>> limits) {
        AnnotationValue<Annotation> operation = route.getAnnotation(OPERATION);
        List<AnnotationValue<?>> extensions = new ArrayList<>();
        AnnotationValueBuilder<Annotation> described = AnnotationValue.builder(OPERATION);
        if (operation != null) {
            extensions.addAll(operation.getAnnotations("extensions"));
            described = AnnotationValue.builder(operation);
            route.removeAnnotation(OPERATION);
        }
        extensions.add(of("extensions.Extension")
                .member("name", "x-ratelimit")
                .member("properties", new AnnotationValue<?>[] {
                    of("extensions.ExtensionProperty")
                            .member("name", "limits")
                            .member("value", json(limits))
                            .member("parseValue", true)
                            .build()
                })
                .build());
        route.annotate(described
                .member("extensions", extensions.toArray(AnnotationValue<?>[]::new))
                .build());
    }

    private static String json(List<AnnotationValue<RateLimit>> limits) {
        return limits.stream()
                .map(OpenApiAnnotations::written)
                .map(members -> members.entrySet().stream()
                        .map(member -> quoted(member.getKey()) + ":" + quoted(member.getValue()))
                        .collect(Collectors.joining(",", "{", "}")))
                .collect(Collectors.joining(",", "[", "]"));
    }

    /** Returns the members that a client understands, without those that have their defaults. */
    private static Map<String, String> written(AnnotationValue<RateLimit> limit) {
        Map<String, String> members = new LinkedHashMap<>();
        members.put("limits", RateLimitVisitor.text(limit, "value", ""));
        for (String name : List.of("policy", "key", "permits")) {
            members.put(name, RateLimitVisitor.text(limit, name, ""));
        }
        members.values().removeIf(String::isEmpty);
        return members;
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static AnnotationValueBuilder<?> of(String name) {
        return AnnotationValue.builder(PACKAGE + name);
    }
}
