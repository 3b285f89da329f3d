package io.github.micronautratelimit.web;

import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warns of each thing once, with a code to look it up by. Safe for use by any number of threads.
 */
public final class SetupWarnings {

    private static final Logger LOG = LoggerFactory.getLogger(SetupWarnings.class);

    private final Set<SetupWarning> silenced = EnumSet.noneOf(SetupWarning.class);
    private final Set<List<Object>> given = ConcurrentHashMap.newKeySet();

    /**
     * Warnings, apart from some.
     *
     * @param silenced the codes of those nobody wants to see
     * @throws IllegalArgumentException if there is no such code
     */
    public SetupWarnings(Collection<String> silenced) {
        for (String code : silenced) {
            this.silenced.add(Arrays.stream(SetupWarning.values())
                    .filter(warning -> warning.code().equalsIgnoreCase(code)).findAny()
                    .orElseThrow(() -> new IllegalArgumentException("\"" + code + "\" is no code of a warning; write one "
                            + "of " + Arrays.stream(SetupWarning.values()).map(SetupWarning::code).toList() + ".")));
        }
    }

    /** Whether {@link #warn} would still say something. */
    boolean isOpen(SetupWarning warning) {
        return !silenced.contains(warning) && !given.contains(List.<Object>of(warning));
    }

    /**
     * Logs a warning, unless it was logged before about the same.
     *
     * @param warning the warning
     * @param about   what its text names; never anything a client has sent
     */
    public void warn(SetupWarning warning, Object... about) {
        List<Object> what = about.length == 0 ? List.of(warning) : List.of(warning, about[0]);
        if (!silenced.contains(warning) && given.add(what) && LOG.isWarnEnabled()) {
            LOG.warn(warning.code() + ": " + warning.text() + " See docs/warnings.adoc#" + warning.code().toLowerCase(
                    Locale.ROOT) + ".", about);
        }
    }
}
