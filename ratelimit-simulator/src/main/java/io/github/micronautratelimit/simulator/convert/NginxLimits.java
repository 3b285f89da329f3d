package io.github.micronautratelimit.simulator.convert;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Converts {@code limit_req_zone} and {@code limit_req} of nginx. A zone grants one request at its rate, and {@code
 * burst}
 * further ones: a token bucket of {@code burst + 1}. Without {@code nodelay}, nginx delays the further ones, which is
 * {@code max-wait}.
 */
final class NginxLimits {

    private static final Pattern TOKEN =
            Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"|'((?:[^'\\\\]|\\\\.)*)'|[{};]|[^\\s{};\"']+");
    private static final Pattern RATE = Pattern.compile("(\\d+)r/([sm])");
    private static final Pattern BURST = Pattern.compile("burst=(\\d+)");
    private static final int MOST_WAIT_SECONDS = 3_600;

    private final Conversion conversion;
    private final Map<String, Zone> zones = new HashMap<>();

    private record Zone(long rate, String unit, String key) {}

    NginxLimits(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(String text) {
        List<List<String>> statements = statements(text);
        statements.stream()
                .filter(words -> words.get(0).equals("limit_req_zone"))
                .forEach(this::zone);
        List<String> locations = new ArrayList<>();
        for (List<String> words : statements) {
            switch (words.get(0)) {
                case "{" -> locations.add(location(words));
                case "}" -> {
                    if (!locations.isEmpty()) {
                        locations.remove(locations.size() - 1);
                    }
                }
                case "limit_req" -> limit(words, path(locations));
                case "limit_req_status" -> conversion.remark("limit_req_status " + words.get(1)
                        + " is the status of denials; set ratelimit.status for all of them.");
                case "limit_req_dry_run" -> conversion.remark("limit_req_dry_run is not converted; the limits deny.");
                case "limit_conn" -> conversion.remark(String.join(" ", words)
                        + " limits connections; write a policy such as \"" + last(words) + " concurrent\".");
                default -> {
                    // A directive that limits nothing.
                }
            }
        }
    }

    private static String last(List<String> words) {
        return words.get(words.size() - 1);
    }

    /** Splits the file into statements. The beginning of a block starts with an opening brace. */
    private static List<List<String>> statements(String text) {
        List<List<String>> statements = new ArrayList<>();
        List<String> words = new ArrayList<>();
        Matcher token = TOKEN.matcher(text.replaceAll("(?m)(^|\\s)#.*$", ""));
        while (token.find()) {
            String word = token.group();
            if (word.equals(";") || word.equals("{") || word.equals("}")) {
                if (word.equals("{")) {
                    words.add(0, "{");
                }
                if (!words.isEmpty()) {
                    statements.add(List.copyOf(words));
                }
                if (word.equals("}")) {
                    statements.add(List.of("}"));
                }
                words.clear();
            } else {
                String quoted = token.group(1) == null ? token.group(2) : token.group(1);
                words.add(quoted == null ? word : quoted);
            }
        }
        return statements;
    }

    private void zone(List<String> words) {
        String name = value(words, "zone=").split(":")[0];
        Matcher rate = RATE.matcher(value(words, "rate="));
        String key = words.size() > 1 ? key(words.get(1)) : null;
        if (name.isEmpty() || !rate.matches()) {
            conversion.remark("\"" + String.join(" ", words) + "\" has no zone and rate, so it is not converted.");
        } else if (key == null) {
            conversion.remark("The key " + words.get(1) + " of the zone " + name
                    + " is computed by nginx; write a RateLimitKeyResolver, and {bean:NAME}.");
        } else {
            String unit = rate.group(2).equals("s") ? "s" : "min";
            zones.put(name, new Zone(Long.parseLong(rate.group(1)), unit, key));
        }
    }

    private static String value(List<String> words, String start) {
        return words.stream()
                .filter(word -> word.startsWith(start))
                .map(word -> word.substring(start.length()))
                .findFirst()
                .orElse("");
    }

    /** Returns the key of variables, such as <code>$binary_remote_addr$http_x_tenant</code>, or {@code null}. */
    private static @Nullable String key(String text) {
        StringBuilder key = new StringBuilder();
        Matcher variable = Pattern.compile("\\$\\{?(\\w+)}?|([^$]+)").matcher(text);
        while (variable.find()) {
            String name = variable.group(1);
            if (name == null) {
                key.append(variable.group(2));
                continue;
            }
            switch (name) {
                case "binary_remote_addr", "remote_addr", "http_x_forwarded_for", "http_x_real_ip" -> key.append(
                        "{ip}");
                case "remote_user" -> key.append("{principal}");
                case "server_name", "host", "http_host" -> key.append("{global}");
                default -> {
                    if (name.startsWith("http_")) {
                        key.append("{header:")
                                .append(name.substring(5).replace('_', '-'))
                                .append('}');
                    } else if (name.startsWith("cookie_")) {
                        key.append("{cookie:").append(name.substring(7)).append('}');
                    } else if (name.startsWith("arg_")) {
                        key.append("{query:").append(name.substring(4)).append('}');
                    } else {
                        return null;
                    }
                }
            }
        }
        return key.length() == 0 ? null : key.toString();
    }

    /** Returns the pattern of a block, or an empty text if it is not a location, or {@code ~} if it has no pattern. */
    private static String location(List<String> block) {
        if (block.size() < 3 || !block.get(1).equals("location")) {
            return "";
        }
        String first = block.get(2);
        if (first.startsWith("~")) {
            return String.join(" ", block.subList(2, block.size()));
        }
        String path = block.size() > 3 ? block.get(3) : first;
        if (first.equals("=") || !path.startsWith("/")) {
            return path;
        }
        return path.endsWith("/") ? path + "**" : path + "*/**";
    }

    private static String path(List<String> locations) {
        for (int i = locations.size() - 1; i >= 0; i--) {
            if (!locations.get(i).isEmpty()) {
                return locations.get(i);
            }
        }
        return "/**";
    }

    private void limit(List<String> words, String path) {
        String name = value(words, "zone=");
        Zone zone = zones.get(name);
        if (zone == null) {
            conversion.remark("\"" + String.join(" ", words) + "\" uses a zone that is not converted.");
            return;
        }
        if (!path.startsWith("/")) {
            conversion.remark("The location " + path + " of the zone " + name
                    + " is a regular expression; write a rule with a pattern such as /api/**.");
            return;
        }
        Matcher written = BURST.matcher(String.join(" ", words));
        long burst = written.find() ? Long.parseLong(written.group(1)) : 0;
        String policy = conversion.policy(
                name,
                List.of(zone.rate + "/" + zone.unit + (burst + 1 == zone.rate ? "" : " burst " + (burst + 1))),
                zone.key);
        boolean isDelayed = burst > 0 && words.stream().noneMatch(word -> word.equals("nodelay"));
        if (isDelayed) {
            conversion.remark("The zone " + name + " delays up to " + burst
                    + " requests to its rate (no nodelay); the policy allows them at once. To delay them, write a burst of 1 and"
                    + " max-wait: " + wait(zone, burst) + "s.");
        }
        conversion.rule(path, List.of(), policy, 1);
    }

    private static long wait(Zone zone, long burst) {
        long seconds = zone.unit.equals("s") ? 1 : 60;
        return Math.min(MOST_WAIT_SECONDS, Math.max(1, (burst * seconds + zone.rate - 1) / zone.rate));
    }
}
