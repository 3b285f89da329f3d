package io.github.micronautratelimit.simulator.convert;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Converts the filters of the Spring Boot starter of Bucket4j. */
final class Bucket4jFilters {

    private final Conversion conversion;

    Bucket4jFilters(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(Tree file) {
        for (Tree filter : file.at("bucket4j.filters").list()) {
            String path = path(filter.text("url").isEmpty() ? ".*" : filter.text("url"));
            List<Tree> limits = filter.at("rate-limits").list();
            if (path == null) {
                conversion.remark(
                        "The url " + filter.text("url") + " is a regular expression that no pattern expresses; write"
                                + " a rule with a pattern such as /api/**.");
                continue;
            }
            String strategy = filter.text("strategy");
            if (limits.size() > 1 && !strategy.equalsIgnoreCase("all")) {
                conversion.remark("Only the first matching limit of the url " + filter.text("url")
                        + " applies (strategy first); here all rules of a path apply. Check the rules.");
            }
            List<String> methods =
                    filter.at("http-methods").list().stream().map(Tree::text).toList();
            for (Tree limit : limits) {
                limit(limit, path, methods);
            }
        }
        if (file.has("bucket4j.methods")) {
            conversion.remark("bucket4j.methods limits methods of beans; put @RateLimit on them.");
        }
    }

    /** Returns the pattern of the simple regular expressions that are usual, or {@code null}. */
    private static @Nullable String path(String url) {
        String plain = url.replaceAll("^\\^|\\$$", "");
        if (plain.equals(".*") || plain.equals("/.*") || plain.equals("/*")) {
            return "/**";
        }
        String end = plain.endsWith("/.*") ? "/.*" : plain.endsWith(".*") ? ".*" : plain.endsWith("*") ? "*" : "";
        String start = plain.substring(0, plain.length() - end.length())
                .replace("\\.", ".")
                .replace("\\-", "-");
        if (!start.startsWith("/") || !start.matches("[\\w/.~-]+")) {
            return null;
        }
        return end.isEmpty()
                ? start
                : end.equals("/.*") || start.endsWith("/") ? start.replaceAll("/$", "") + "/**" : start + "*/**";
    }

    private void limit(Tree limit, String path, List<String> methods) {
        for (String condition : List.of(
                "execute-condition",
                "skip-condition",
                "post-execute-condition",
                "execute-predicates",
                "skip-predicates")) {
            if (limit.has(condition)) {
                conversion.remark("The " + condition + " " + limit.text(condition) + " on " + path
                        + " is not converted; the limit applies to all requests of the path.");
            }
        }
        List<String> limits = new ArrayList<>();
        limit.at("bandwidths").list().forEach(bandwidth -> {
            String text = bandwidth(bandwidth);
            if (text != null) {
                limits.add(text);
            }
        });
        String expression = limit.has("cache-key") ? limit.text("cache-key") : limit.text("expression");
        String key = expression.isEmpty() ? "{global}" : key(expression);
        if (limits.isEmpty()) {
            return;
        }
        if (key == null) {
            conversion.remark("The key " + expression + " on " + path
                    + " is an expression; write a RateLimitKeyResolver named limited-by and check the key.");
            key = "{principal-or-ip}";
        }
        String name = path.equals("/**") ? "all" : path;
        conversion.rule(path, methods, conversion.policy(name, limits, key), Math.max(1, limit.number("cost", 1)));
    }

    private static @Nullable String key(String expression) {
        String text = expression.toLowerCase(Locale.ROOT).replaceAll("[\"'\\s]", "");
        boolean hasAddress = text.contains("getremoteaddr");
        boolean hasUser =
                text.contains("username") || text.contains("getuserprincipal") || text.contains("getremoteuser");
        if (hasUser) {
            return hasAddress ? "{principal-or-ip}" : "{principal}";
        }
        if (hasAddress) {
            return "{ip}";
        }
        java.util.regex.Matcher header = java.util.regex.Pattern.compile(
                        "getHeaders?\\(?\\)?(?:\\.getFirst)?\\(['\"]([\\w-]+)['\"]\\)")
                .matcher(expression);
        return header.find() ? "{header:" + header.group(1) + "}" : text.equals("1") ? "{global}" : null;
    }

    private @Nullable String bandwidth(Tree bandwidth) {
        long capacity = bandwidth.number("capacity", 0);
        long time = bandwidth.number("time", 0);
        String unit = unit(bandwidth.text("unit"));
        long refill = bandwidth.number("refill-capacity", capacity);
        if (capacity == 0 || time == 0 || unit == null) {
            conversion.remark("A bandwidth of " + bandwidth.text("capacity") + " per " + bandwidth.text("time") + " "
                    + bandwidth.text("unit") + " is not converted.");
            return null;
        }
        if (bandwidth.has("initial-capacity") && bandwidth.number("initial-capacity", capacity) != capacity) {
            conversion.remark("initial-capacity is not converted; a key starts with all permits.");
        }
        String period = time == 1 ? unit : time + unit;
        if (bandwidth.text("refill-speed").equalsIgnoreCase("interval") && refill == capacity) {
            conversion.remark(
                    "The refill-speed interval starts with the first request; a fixed window starts with the clock.");
            return capacity + "/" + period + " fixed";
        }
        return refill + "/" + period + (refill == capacity ? "" : " burst " + capacity);
    }

    private static @Nullable String unit(String text) {
        return switch (text.toLowerCase(Locale.ROOT).replaceAll("s$", "")) {
            case "milli", "millisecond" -> "ms";
            case "second" -> "s";
            case "minute" -> "min";
            case "hour" -> "h";
            case "day" -> "day";
            default -> null;
        };
    }
}
