package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;

/** Uses the built page in Chromium. If Chromium or its driver is missing on the path, the tests are skipped. */
@Execution(ExecutionMode.SAME_THREAD)
class PageTest {

    private static final List<String> OPTIONS =
            List.of("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking");
    private static final String ADDRESS = Page.FILE.toUri().toString();

    @SuppressWarnings("NullAway.Init")
    private static ChromeDriver browser;

    @BeforeAll
    static void open() {
        ChromeOptions options = new ChromeOptions()
                .setBinary(onPath("chromium", "google-chrome"))
                .addArguments(OPTIONS);
        browser = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(onPath("chromedriver"))
                        .build(),
                options);
    }

    @AfterAll
    static void quit() {
        if (browser != null) {
            browser.quit();
        }
    }

    @BeforeEach
    void reset() {
        browser.executeCdpCommand("Emulation.setScriptExecutionDisabled", Map.of("value", false));
        screen(1280, "light");
        browser.get(ADDRESS);
        browser.executeScript("localStorage.clear();");
    }

    private static File onPath(String... names) {
        Optional<File> found = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(place -> Stream.of(names).map(name -> new File(place, name)))
                .filter(File::canExecute)
                .findFirst();
        if (found.isEmpty()) {
            String skipped = "SKIPPED: the guide is not tested in a browser; " + List.of(names) + " is missing.";
            System.err.println(skipped);
            Assumptions.abort(skipped);
        }
        return found.orElseThrow();
    }

    private static void screen(int width, String mode) {
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 850, "deviceScaleFactor", 1, "mobile", width < 600));
        browser.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", mode))));
    }

    private static void open(String anchor) {
        browser.get("about:blank");
        browser.get(ADDRESS + "#" + anchor);
    }

    private static WebElement find(String selector) {
        return browser.findElement(By.cssSelector(selector));
    }

    private static List<String> texts(String selector) {
        return browser.findElements(By.cssSelector(selector)).stream()
                .filter(WebElement::isDisplayed)
                .map(WebElement::getText)
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"390, light", "390, dark", "1280, light", "1280, dark"})
    void pageFitsTheScreenInBothModes(int width, String mode) {
        screen(width, mode);
        open("observability");
        int needed = Integer.parseInt(String.valueOf(find("html").getDomProperty("scrollWidth")));
        assertTrue(needed <= width, () -> "The page needs " + needed + " pixels; the screen has " + width + ".");
        String background = find("body").getCssValue("background-color");
        assertEquals(mode.equals("dark"), background.contains("18, 22, 28"), background);
        assertEquals(width > 600, find("#toc").isDisplayed(), "the contents");
    }

    @ParameterizedTest
    @CsvSource({
        "redis, redis",
        "Grafana dashboard, metrics",
        "RateLimitStoreSlow, ratelimitstoreslow",
        "check_and_raise, words",
        "skip_on_error, words",
        "two-tier, words",
        "hits total, words",
        "circuit breaker, guard",
        "RL001, rl001",
        "RATELIMIT_BACKEND, environment-variables",
    })
    void searchFindsTheSection(String query, String anchor) {
        find("#search").sendKeys(query);
        List<String> found = browser.findElements(By.cssSelector("#results a")).stream()
                .map(link -> String.valueOf(link.getDomAttribute("href")))
                .toList();
        assertTrue(found.subList(0, Math.min(5, found.size())).contains("#" + anchor), () -> query + ": " + found);
    }

    @Test
    void keyboardOpensAResult() {
        find("body").sendKeys("/");
        find("#search").sendKeys("lambda");
        assertTrue(find("#results").isDisplayed());
        find("#search").sendKeys(Keys.DOWN, Keys.UP, Keys.ENTER);
        assertTrue(browser.getCurrentUrl().endsWith("#lambda"), browser.getCurrentUrl());
        assertFalse(find("#results").isDisplayed());
    }

    @Test
    void searchSaysThatNothingIsFound() {
        find("#search").sendKeys("xylophone");
        assertEquals(List.of("No section has all of these words."), texts("#results li"));
        find("#search").sendKeys(Keys.ESCAPE);
        assertFalse(find("#results").isDisplayed());
    }

    @Test
    void searchTextIsNeverMarkup() {
        find("#search").sendKeys("<b>limit .*(");
        assertEquals(List.of("No section has all of these words."), texts("#results li"));
    }

    @Test
    void contentsOpenOnAPhone() {
        screen(390, "light");
        open("quick-start");
        find("#contents").click();
        assertTrue(find("#toc").isDisplayed());
        find("#toc a[href='#kubernetes']").click();
        assertFalse(find("#toc").isDisplayed());
        assertTrue(browser.getCurrentUrl().endsWith("#kubernetes"), browser.getCurrentUrl());
    }

    @Test
    void contentsShowTheSectionsOfTheCurrentChapter() {
        open("redis-ha");
        assertEquals(List.of("Redis high availability"), texts("#toc a[aria-current]"));
        assertTrue(texts("#toc .sectlevel3 a").contains("State lost by a failover"));
        assertFalse(texts("#toc .sectlevel3 a").contains("First limit"));
    }

    @Test
    void tabsKeepTheChoiceOnTheWholePage() {
        open("first-limit");
        String tabs = ".openblock.tabs [role=tab][aria-selected=true]";
        assertEquals(List.of("Maven", "Java", "Java", "Java"), texts(tabs));
        browser.findElements(By.cssSelector("[role=tab]")).stream()
                .filter(tab -> tab.getText().equals("Kotlin"))
                .findFirst()
                .orElseThrow()
                .click();
        assertEquals(List.of("Maven", "Kotlin", "Kotlin", "Kotlin"), texts(tabs));
        assertEquals(4, texts(".openblock.tabs .listingblock").size());
        open("first-limit");
        assertEquals(List.of("Maven", "Kotlin", "Kotlin", "Kotlin"), texts(tabs), "after a new visit");
    }

    @ParameterizedTest
    @ValueSource(ints = {390, 1280})
    void everythingIsShownWithoutScripts(int width) {
        browser.executeCdpCommand("Emulation.setScriptExecutionDisabled", Map.of("value", true));
        screen(width, "light");
        open("quick-start");
        assertEquals(0, browser.findElements(By.id("search")).size());
        assertTrue(find("#toc").isDisplayed(), "the contents");
        List<String> titles = texts(".openblock.tabs .title");
        assertEquals(
                List.of(
                        "Maven", "Gradle", "Java", "Kotlin", "Groovy", "Java", "Kotlin", "Groovy", "Java", "Kotlin",
                        "Groovy"),
                titles);
    }

    @Test
    void nothingIsLoadedFromOtherServers() {
        Object loaded = browser.executeScript(
                "return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('file:'));");
        assertEquals(List.of(), loaded);
    }
}
