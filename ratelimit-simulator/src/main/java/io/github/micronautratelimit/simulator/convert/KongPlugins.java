package io.github.micronautratelimit.simulator.convert;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Converts the plugins {@code rate-limiting} and {@code rate-limiting-advanced} of a declarative file of Kong. */
final class KongPlugins {

    private static final List<String> UNITS = List.of("second", "minute", "hour", "day");
    private static final List<String> WORDS = List.of("s", "min", "h", "day");

    private final Conversion conversion;

    KongPlugins(Conversion conversion) {
        this.conversion = conversion;
    }

    void convert(Tree file) {
        file.at("plugins").list().forEach(plugin -> plugin(plugin, "kong", List.of("/**"), List.of()));
        file.at("services").list().forEach(service -> service(service, name(service, "service")));
        file.at("routes").list().forEach(route -> route(route, name(route, "route")));
        file.at("consumers").list().forEach(consumer -> consumer.at("plugins").list().stream()
                .filter(KongPlugins::limits)
                .forEach(plugin -> conversion.remark("The limit of the consumer " + consumer.text("username")
                        + " is not converted; write it as an override of a policy with the key {principal}.")));
        if (file.text("kind").equals("KongPlugin") || file.text("kind").equals("KongClusterPlugin")) {
            conversion.remark("A " + file.text("kind") + " does not name its routes; check the paths of the rules.");
            settings(file.text("plugin"), file.at("config"), file.text("metadata.name"), List.of("/**"), List.of());
        }
        if (file.has("name") && file.has("config")) {
            plugin(file, "kong", List.of("/**"), List.of());
        }
    }

    private void service(Tree service, String name) {
        List<String> paths = new ArrayList<>();
        service.at("routes").list().forEach(route -> paths.addAll(paths(route)));
        service.at("plugins")
                .list()
                .forEach(plugin -> plugin(plugin, name, paths.isEmpty() ? List.of("/**") : paths, List.of()));
        service.at("routes").list().forEach(route -> route(route, name + "-" + name(route, "route")));
    }

    private void route(Tree route, String name) {
        List<String> methods =
                route.at("methods").list().stream().map(Tree::text).toList();
        route.at("plugins").list().forEach(plugin -> plugin(plugin, name, paths(route), methods));
    }

    private static String name(Tree tree, String otherwise) {
        return tree.text("name").isEmpty() ? otherwise : tree.text("name");
    }

    private List<String> paths(Tree route) {
        List<String> paths = new ArrayList<>();
        for (Tree path : route.at("paths").list()) {
            String text = path.text();
            if (text.startsWith("~")) {
                conversion.remark(
                        "The path " + text + " is a regular expression; write a rule with a pattern such as /api/**.");
            } else {
                paths.add(text.endsWith("/") ? text + "**" : text + "/**");
            }
        }
        return paths.isEmpty() && route.at("paths").list().isEmpty() ? List.of("/**") : paths;
    }

    private static boolean limits(Tree plugin) {
        return plugin.text("name").startsWith("rate-limiting");
    }

    private void plugin(Tree plugin, String name, List<String> paths, List<String> methods) {
        if (!limits(plugin) || plugin.text("enabled").equals("false")) {
            return;
        }
        for (String scope : List.of("service", "route", "consumer", "consumer_group")) {
            if (plugin.has(scope) && !plugin.text(scope).isEmpty()) {
                conversion.remark("The plugin " + plugin.text("name") + " belongs to the " + scope + " "
                        + plugin.text(scope) + "; check the paths of its rule.");
            }
        }
        settings(plugin.text("name"), plugin.at("config"), name, paths, methods);
    }

    private void settings(String plugin, Tree config, String name, List<String> paths, List<String> methods) {
        boolean isAdvanced = plugin.equals("rate-limiting-advanced");
        List<String> limits = isAdvanced ? advanced(config) : calendar(config);
        String by = config.text(isAdvanced ? "identifier" : "limit_by");
        String key = key(by.isEmpty() ? "consumer" : by, config);
        if (limits.isEmpty() || key == null || paths.isEmpty()) {
            conversion.remark("The plugin " + plugin + " of " + name + " is not converted"
                    + (key == null ? ", because requests are counted by " + by : "") + ".");
            return;
        }
        String policy = conversion.policy(name, limits, key);
        if (!isAdvanced) {
            conversion.set(policy, "on-error", config.text("fault_tolerant").equals("false") ? "closed" : "open");
        }
        if (config.text("policy").equals("local") || config.text("strategy").equals("local")) {
            conversion.remark("The plugin " + plugin + " of " + name
                    + " counts on each node (local); here all instances" + " that share a store count together.");
        }
        if (!config.text("error_code").isEmpty() && !config.text("error_code").equals("429")) {
            conversion.remark("error_code " + config.text("error_code")
                    + " is the status of denials; set ratelimit.status for all of them.");
        }
        paths.forEach(path -> conversion.rule(path, methods, policy, 1));
    }

    private List<String> calendar(Tree config) {
        List<String> limits = new ArrayList<>();
        for (int i = 0; i < UNITS.size(); i++) {
            long number = config.number(UNITS.get(i), 0);
            if (number > 0) {
                limits.add(number + "/" + WORDS.get(i) + " fixed");
            }
        }
        for (String unit : List.of("month", "year")) {
            if (config.number(unit, 0) > 0) {
                conversion.remark(config.text(unit) + " per " + unit
                        + " is not converted, because a period has at most 366 days of fixed length.");
            }
        }
        return limits;
    }

    private List<String> advanced(Tree config) {
        List<Tree> numbers = config.at("limit").list();
        List<Tree> windows = config.at("window_size").list();
        String type = config.text("window_type").equals("fixed") ? " fixed" : " sliding";
        List<String> limits = new ArrayList<>();
        for (int i = 0; i < Math.min(numbers.size(), windows.size()); i++) {
            limits.add(numbers.get(i).text() + "/" + windows.get(i).text() + "s" + type);
        }
        return limits;
    }

    private @Nullable String key(String by, Tree config) {
        return switch (by) {
            case "ip" -> "{ip}";
            case "consumer", "credential", "consumer-group" -> {
                conversion.remark("Requests are counted by " + by + "; the key is the user, otherwise the address.");
                yield "{principal-or-ip}";
            }
            case "header" -> "{header:" + config.text("header_name") + "}";
            case "service", "path" -> "{global}";
            default -> null;
        };
    }
}
