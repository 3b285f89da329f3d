package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checks that no link of the built page and of the Markdown files is dead. Links to the repository and to Javadoc are
 * checked against the files of this project, other addresses only for their form.
 */
class LinksTest {

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final String REPOSITORY = "https://github.com/micronautratelimit/micronaut-ratelimit";
    private static final Pattern JAVADOC = Pattern.compile(
            "https://javadoc\\.io/doc/io\\.github\\.micronautratelimit/([\\w-]+)/latest/([\\w/]+)\\.html");
    private static final Pattern WEB = Pattern.compile("(?:https?|mailto):[^\\s\"<>]+");
    private static final Pattern MARKDOWN_LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("^#+ +(.*)$", Pattern.MULTILINE);
    private static final Pattern ANCHOR = Pattern.compile("^\\[#([^\\]]+)]", Pattern.MULTILINE);
    private static final Map<String, String> FOLDERS = Map.of(
            "micronaut-ratelimit-redis", "backend-redis",
            "micronaut-ratelimit-hazelcast", "backend-hazelcast",
            "micronaut-ratelimit-dynamodb", "backend-dynamodb");

    static List<Path> markdown() throws IOException {
        Set<Path> files = new HashSet<>();
        for (String folder : List.of(".", "docs", "docs/adr", "examples", ".github")) {
            if (Files.isDirectory(ROOT.resolve(folder))) {
                try (Stream<Path> found = Files.find(
                        ROOT.resolve(folder), folder.equals("examples") ? 3 : 1, (file, any) -> file.toString()
                                .endsWith(".md"))) {
                    files.addAll(found.map(ROOT::relativize).collect(Collectors.toSet()));
                }
            }
        }
        return files.stream().sorted().toList();
    }

    @Test
    void linksAndImagesOfThePageLeadSomewhere() {
        Page page = Page.built();
        Set<String> ids = page.ids();
        List<String> links = page.links();
        assertTrue(links.size() > 300 && page.resources().size() > 5, () -> "The search finds only " + links);
        assertEquals(
                List.of(),
                Stream.of(links, page.resources())
                        .flatMap(Collection::stream)
                        .filter(link -> isDead(link, ids))
                        .toList());
    }

    @Test
    void pageLoadsNothingFromOtherServers() {
        Page page = Page.built();
        assertEquals(
                List.of(),
                page.resources().stream().filter(link -> link.contains("//")).toList());
        assertTrue(!page.html().contains("@import url") && !page.html().contains("<link "), "outside styles");
    }

    @ParameterizedTest
    @MethodSource("markdown")
    void linksOfMarkdownLeadSomewhere(Path file) {
        String text = read(ROOT.resolve(file));
        Path folder = ROOT.resolve(file).getParent();
        assertEquals(
                List.of(),
                MARKDOWN_LINK
                        .matcher(text.replaceAll("(?s)```.*?```", "").replaceAll("`[^`]*`", ""))
                        .results()
                        .map(found -> found.group(1))
                        .filter(link -> WEB.matcher(link).matches()
                                ? isDead(link, Set.of())
                                : isMissing(link.startsWith("#") ? ROOT.resolve(file) : folder, link))
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "#no-such-section",
                "images/missing.svg",
                "../examples/quickstart",
                REPOSITORY + "/blob/main/docs/missing.md",
                REPOSITORY + "/blob/main/docs/benchmarks.md#missing",
                REPOSITORY + "/blob/main/docs/warnings.adoc#missing",
                "https://javadoc.io/doc/io.github.micronautratelimit/ratelimit-core/latest/io/github/Missing.html",
                "https://javadoc.io/doc/io.github.micronautratelimit/ratelimit-core/latest/",
            })
    void deadLinkIsFound(String link) {
        assertTrue(isDead(link, Set.of("quick-start")), link);
    }

    private static boolean isDead(String link, Set<String> ids) {
        if (link.startsWith("#")) {
            return !ids.contains(link.substring(1));
        }
        if (link.startsWith(REPOSITORY + "/blob/main/")) {
            return isMissing(ROOT, link.substring((REPOSITORY + "/blob/main/").length()));
        }
        Matcher javadoc = JAVADOC.matcher(link);
        if (javadoc.matches()) {
            String folder = FOLDERS.getOrDefault(javadoc.group(1), javadoc.group(1));
            Path type = ROOT.resolve(folder).resolve("src/main/java").resolve(javadoc.group(2) + ".java");
            return !Files.exists(type) || !read(type).contains("\npublic ");
        }
        if (link.contains("javadoc.io/doc/io.github.micronautratelimit")) {
            return true;
        }
        // A link out of the folder of the page would lead nowhere once the page is published.
        return !WEB.matcher(link).matches() && (link.startsWith("..") || isMissing(Page.FILE.getParent(), link));
    }

    /** Returns whether a file is missing, or the section of it that the link names. */
    private static boolean isMissing(Path folder, String link) {
        String[] parts = link.split("#", 2);
        Path file = folder.resolve(parts[0]).normalize();
        if (!Files.exists(file)) {
            return true;
        }
        if (parts.length == 1 || Files.isDirectory(file)) {
            return parts.length > 1;
        }
        String text = read(file);
        Stream<String> anchors = file.toString().endsWith(".md")
                ? HEADING.matcher(text).results().map(found -> slug(found.group(1)))
                : ANCHOR.matcher(text).results().map(found -> found.group(1));
        return anchors.noneMatch(parts[1]::equals);
    }

    /** Returns the anchor that GitHub gives a heading. */
    private static String slug(String heading) {
        return heading.trim()
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^\\w\\- ]", "")
                .replace(' ', '-');
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
