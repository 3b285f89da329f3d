package io.github.micronautratelimit.web;

import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs each warning once, with its code. Safe for use by any number of threads. */
public final class ConfigurationWarnings {

    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationWarnings.class);

    /** An address that a reader of the log can open, wherever the application runs. */
    private static final String PAGE =
            "https://github.com/micronautratelimit/micronaut-ratelimit/blob/main/docs/warnings.adoc#";

    private final Set<ConfigurationWarning> silenced = EnumSet.noneOf(ConfigurationWarning.class);
    private final Set<List<Object>> logged = ConcurrentHashMap.newKeySet();

    /**
     * Creates the warnings of an application.
     *
     * @param silenced the codes of warnings that are not logged
     * @throws IllegalArgumentException if there is no such code
     */
    public ConfigurationWarnings(Collection<String> silenced) {
        silenced.forEach(code -> this.silenced.add(withCode(code)));
    }

    private static ConfigurationWarning withCode(String code) {
        List<String> codes = new ArrayList<>();
        for (ConfigurationWarning warning : ConfigurationWarning.values()) {
            if (warning.code().equalsIgnoreCase(code)) {
                return warning;
            }
            codes.add(warning.code());
        }
        throw new IllegalArgumentException("Unknown warning \"" + code + "\"; write one of " + codes + ".");
    }

    /**
     * Logs a warning whose text a store module writes, unless the same was logged before.
     *
     * @param code the code of the warning
     * @param text its text; never a value that a client has sent
     * @throws IllegalArgumentException if there is no such code
     */
    public void warn(String code, String text) {
        warn(withCode(code), text);
    }

    /** Returns whether {@link #warn} without arguments would log the warning. */
    boolean isPending(ConfigurationWarning warning) {
        return !silenced.contains(warning) && !logged.contains(List.<Object>of(warning));
    }

    /**
     * Logs a warning, unless it was logged before with the same first argument.
     *
     * @param warning   the warning
     * @param arguments the values in its text; never a value that a client has sent
     */
    public void warn(ConfigurationWarning warning, Object... arguments) {
        List<Object> subject = arguments.length == 0 ? List.of(warning) : List.of(warning, arguments[0]);
        if (!silenced.contains(warning) && logged.add(subject) && LOG.isWarnEnabled()) {
            LOG.warn(
                    warning.code() + ": " + warning.text() + " See " + PAGE
                            + warning.code().toLowerCase(Locale.ROOT),
                    arguments);
        }
    }
}
