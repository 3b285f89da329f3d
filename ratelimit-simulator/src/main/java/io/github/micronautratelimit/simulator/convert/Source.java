package io.github.micronautratelimit.simulator.convert;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The products whose limits can be converted. */
public enum Source {

    /** {@code limit_req} of nginx. */
    NGINX,
    /** The plugins {@code rate-limiting} and {@code rate-limiting-advanced} of Kong. */
    KONG,
    /** Descriptors of the rate limit service of Envoy. */
    ENVOY,
    /** The Spring Boot starter of Bucket4j. */
    BUCKET4J,
    /** The filter {@code RequestRateLimiter} of Spring Cloud Gateway. */
    SPRING_CLOUD_GATEWAY,
    /** Rate limiters of Resilience4j, in Micronaut or Spring Boot. */
    RESILIENCE4J;

    /**
     * Returns the product of a name.
     *
     * @param text the name as {@code --from} writes it
     * @throws InvalidSourceException if there is no such product
     */
    public static Source parse(String text) {
        return Arrays.stream(values())
                .filter(source -> source.toString().equals(text.strip().toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() ->
                        new InvalidSourceException("--from " + text + " is unknown; write one of " + names() + "."));
    }

    /** Returns all names with commas. */
    public static String names() {
        return Arrays.stream(values()).map(Source::toString).collect(Collectors.joining(", "));
    }

    /**
     * Converts a file of this product.
     *
     * @param text the content
     * @throws InvalidSourceException if the file is malformed or contains no limit
     */
    public Conversion convert(String text) {
        Conversion conversion = new Conversion();
        switch (this) {
            case NGINX -> new NginxLimits(conversion).convert(text);
            case KONG -> new KongPlugins(conversion).convert(Tree.parse(text));
            case ENVOY -> new EnvoyDescriptors(conversion).convert(Tree.parse(text));
            case BUCKET4J -> new Bucket4jFilters(conversion).convert(Tree.parse(text));
            case SPRING_CLOUD_GATEWAY -> new GatewayRoutes(conversion).convert(Tree.parse(text));
            case RESILIENCE4J -> new Resilience4jInstances(conversion).convert(Tree.parse(text));
        }
        if (conversion.isEmpty()) {
            throw new InvalidSourceException("The file contains no limit of " + this + " that can be expressed"
                    + (conversion.remarks().isEmpty() ? "" : " (" + String.join(" ", conversion.remarks()) + ")")
                    + "; pass another file, or another product with --from.");
        }
        return conversion;
    }

    /**
     * Returns the product that a file belongs to.
     *
     * @param text the content
     * @throws InvalidSourceException if it is not recognized
     */
    public static Source detect(String text) {
        if (text.contains("limit_req")) {
            return NGINX;
        }
        Tree file = Tree.parse(text);
        if (file.has("resilience4j")) {
            return RESILIENCE4J;
        }
        if (file.has("bucket4j")) {
            return BUCKET4J;
        }
        if (file.has("spring")) {
            return SPRING_CLOUD_GATEWAY;
        }
        if (file.has("descriptors")) {
            return ENVOY;
        }
        if (file.has("plugins") || file.has("services") || file.has("routes") || file.has("_format_version")) {
            return KONG;
        }
        throw new InvalidSourceException(
                "The file belongs to none of the known products; pass --from with one of " + names() + ".");
    }

    /** Returns the name as {@code --from} writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
