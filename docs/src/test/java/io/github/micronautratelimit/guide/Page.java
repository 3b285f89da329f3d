package io.github.micronautratelimit.guide;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The built page of the guide.
 *
 * @param html its text
 */
record Page(String html) {

    static final Path FILE = Path.of("target/guide/index.html");

    private static final Pattern ID = Pattern.compile("\\sid=\"([^\"]+)\"");
    private static final Pattern LINK = Pattern.compile("<(?:a|link)\\s[^>]*?href=\"([^\"]+)\"");
    private static final Pattern RESOURCE = Pattern.compile("<(?:img|script|iframe|source)\\s[^>]*?src=\"([^\"]+)\"");

    static Page built() {
        try {
            return new Page(Files.readString(FILE));
        } catch (IOException e) {
            throw new UncheckedIOException("The page is not built; run Maven's phase process-test-classes.", e);
        }
    }

    Set<String> ids() {
        return ID.matcher(html).results().map(found -> found.group(1)).collect(Collectors.toSet());
    }

    List<String> links() {
        return all(LINK);
    }

    List<String> resources() {
        return all(RESOURCE);
    }

    private List<String> all(Pattern pattern) {
        return pattern.matcher(html)
                .results()
                .map(found -> found.group(1).replace("&amp;", "&"))
                .distinct()
                .toList();
    }
}
