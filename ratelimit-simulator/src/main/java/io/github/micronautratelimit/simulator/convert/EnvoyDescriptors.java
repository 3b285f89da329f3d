package io.github.micronautratelimit.simulator.convert;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Converts descriptors of the rate limit service of Envoy. Its windows are fixed. Which requests a descriptor is for is
 * in the configuration of Envoy, so the rules have to be checked.
 */
final class EnvoyDescriptors {

    /** A token of RFC 9110, section 5.6.2. */
    private static final Pattern HEADER = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");

    private final Conversion conversion;

    EnvoyDescriptors(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(Tree file) {
        String domain = file.text("domain").isEmpty() ? "envoy" : file.text("domain");
        file.at("descriptors").list().forEach(descriptor -> descriptor(descriptor, domain, "", "/**", List.of()));
        conversion.remark(
                "Envoy's route configuration says which requests send which descriptors; check the paths and keys"
                        + " of the rules.");
    }

    private void descriptor(
            Tree descriptor, String domain, String outerKey, String outerPath, List<String> outerMethods) {
        String key = descriptor.text("key");
        String value = descriptor.text("value");
        String word = key.toLowerCase(Locale.ROOT);
        String path = outerPath;
        List<String> methods = outerMethods;
        String part = "";
        if (word.equals("path") && !value.isEmpty()) {
            path = value.endsWith("*") ? value.substring(0, value.length() - 1) + "**" : value;
        } else if (word.equals("method") && !value.isEmpty()) {
            methods = List.of(value);
        } else if (word.equals("generic_key")) {
            part = "";
        } else if (!value.isEmpty()) {
            conversion.remark("The descriptor " + key + " = " + value
                    + " is for one value; write it as an override of the policy, with the value as its key.");
            return;
        } else {
            part = part(key);
        }
        String joined = outerKey.isEmpty() || part.isEmpty() ? outerKey + part : outerKey + "/" + part;
        String name = value.isEmpty() ? domain + "-" + key : domain + "-" + key + "-" + value;
        limit(descriptor, name, joined.isEmpty() ? "{global}" : joined, path, methods);
        for (Tree inner : descriptor.at("descriptors").list()) {
            descriptor(inner, name, joined, path, methods);
        }
    }

    private String part(String key) {
        switch (key.toLowerCase(Locale.ROOT)) {
            case "remote_address", "masked_remote_address" -> {
                return "{ip}";
            }
            case "user_id", "user", "principal", "sub" -> {
                conversion.remark("The descriptor " + key + " is taken for the authenticated user; check its key.");
                return "{principal}";
            }
            default -> {
                if (!HEADER.matcher(key).matches()) {
                    conversion.remark("The descriptor " + key + " is not a name that a header can have, so all requests"
                            + " share one key; write the key.");
                    return "{global}";
                }
                conversion.remark("The descriptor " + key + " is taken for a request header; check its key.");
                return "{header:" + key + "}";
            }
        }
    }

    private void limit(Tree descriptor, String name, String key, String path, List<String> methods) {
        Tree limit = descriptor.at("rate_limit");
        if (limit.isEmpty()) {
            return;
        }
        if (limit.isTrue("unlimited")) {
            conversion.remark("The descriptor " + name + " is unlimited; leave it out, or exclude its path.");
            return;
        }
        String unit = unit(limit.text("unit"));
        long number = limit.number("requests_per_unit", 0);
        if (unit == null || number == 0) {
            conversion.remark("The limit of " + number + " per " + limit.text("unit") + " of " + name
                    + " is not converted," + " because "
                    + (number == 0 ? "it denies everything" : "a period has a fixed length") + ".");
            return;
        }
        if (descriptor.isTrue("shadow_mode")) {
            conversion.remark("The descriptor " + name + " is in shadow mode; the converted policy denies.");
        }
        String policy = conversion.policy(name, List.of(number + "/" + unit + " fixed"), key);
        conversion.rule(path, methods, policy, 1);
    }

    private static @Nullable String unit(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "second" -> "s";
            case "minute" -> "min";
            case "hour" -> "h";
            case "day" -> "day";
            default -> null;
        };
    }
}
