package io.github.micronautratelimit.simulator.convert;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Converts the filters {@code RequestRateLimiter} of routes of Spring Cloud Gateway. */
final class GatewayRoutes {

    private static final List<String> PLACES = List.of(
            "spring.cloud.gateway", "spring.cloud.gateway.server.webflux", "spring.cloud.gateway.server.webmvc");

    private final Conversion conversion;

    GatewayRoutes(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(Tree file) {
        for (String place : PLACES) {
            for (Tree route : file.at(place + ".routes").list()) {
                String id = route.text("id").isEmpty() ? "route" : route.text("id");
                route.at("filters").list().forEach(filter -> filter(filter, route, id));
            }
            file.at(place + ".default-filters").list().forEach(filter -> filter(filter, Tree.parse(""), "default"));
        }
    }

    private void filter(Tree filter, Tree route, String id) {
        if (!filter.text("name").equals("RequestRateLimiter")) {
            return;
        }
        Tree args = filter.at("args");
        long rate = args.number("redis-rate-limiter.replenishRate", 0);
        long burst = args.number("redis-rate-limiter.burstCapacity", rate);
        long permits = args.number("redis-rate-limiter.requestedTokens", 1);
        if (rate == 0 || burst == 0) {
            conversion.remark("The filter of the route " + id
                    + " has no replenishRate of redis-rate-limiter, so it is not" + " converted.");
            return;
        }
        String policy =
                conversion.policy(id, List.of(rate + "/s" + (burst == rate ? "" : " burst " + burst)), key(args, id));
        List<String> paths = predicates(route, "Path", id);
        List<String> methods = predicates(route, "Method", id);
        for (Tree predicate : route.at("predicates").list()) {
            String text = predicate.text();
            if (text.indexOf('=') > 0 && !text.startsWith("Path=") && !text.startsWith("Method=")) {
                conversion.remark("The predicate " + text + " of the route " + id
                        + " is not converted; the rule applies to all" + " requests of its path.");
            }
        }
        (paths.isEmpty() ? List.of("/**") : paths).forEach(path -> conversion.rule(path, methods, policy, permits));
        if (filter.has("args.rate-limiter")) {
            conversion.remark("The route " + id + " has a rate limiter of its own, " + args.text("rate-limiter")
                    + ", which is not converted.");
        }
        if (!args.text("status-code").isEmpty()) {
            conversion.remark("status-code " + args.text("status-code")
                    + " is the status of denials; set ratelimit.status for all of them.");
        }
    }

    private List<String> predicates(Tree route, String name, String id) {
        List<String> values = new ArrayList<>();
        for (Tree predicate : route.at("predicates").list()) {
            if (predicate.text("name").equals(name)) {
                Tree args = predicate.at("args");
                args.names()
                        .forEach(argument ->
                                args.at(argument).list().forEach(value -> values.addAll(split(value.text()))));
            } else if (predicate.text().startsWith(name + "=")) {
                values.addAll(split(predicate.text().substring(name.length() + 1)));
            }
        }
        if (name.equals("Path")) {
            return values.stream().filter(value -> isPattern(value, id)).toList();
        }
        return values;
    }

    private boolean isPattern(String path, String id) {
        if (!path.startsWith("/") || path.contains(":")) {
            conversion.remark("The path " + path + " of the route " + id
                    + " is not a pattern of a rule; write one such as /api/**.");
            return false;
        }
        return true;
    }

    private static List<String> split(String text) {
        return Arrays.stream(text.split(","))
                .map(String::strip)
                .filter(value -> !value.isEmpty())
                .toList();
    }

    private String key(Tree args, String id) {
        String resolver = args.text("key-resolver");
        String word = resolver.toLowerCase(Locale.ROOT);
        if (resolver.isEmpty()) {
            conversion.remark(
                    "The route " + id + " counts by the name of the user and denies requests without one; the key"
                            + " {principal} counts them by address.");
            return "{principal}";
        }
        String key = word.contains("ip") || word.contains("addr") || word.contains("host")
                ? "{ip}"
                : word.contains("user") || word.contains("principal") ? "{principal-or-ip}" : "";
        conversion.remark("The key of the route " + id + " is the bean " + resolver + "; "
                + (key.isEmpty() ? "{principal-or-ip} is a guess" : key + " is taken from its name")
                + ". Check it, or write a RateLimitKeyResolver and {bean:NAME}.");
        return key.isEmpty() ? "{principal-or-ip}" : key;
    }
}
