package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.support.ui.WebDriverWait;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;

/** The page in a real browser, if Chromium and its driver are on the path. The server's time stands still. */
@MicronautTest(rebuildContext = true)
class PageTest {

    private static final List<String> OPTIONS = List.of("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync");

    @Inject
    EmbeddedServer server;

    @Inject
    VirtualClock clock;

    private @Nullable WebDriver browser;

    @BeforeEach
    void open() {
        browser = start();
        browser.get(server.getURL().toString());
    }

    /** A new browser; if there is none to be had, the test is skipped. */
    static WebDriver start() {
        Optional<File> chromium = onPath("chromium", "google-chrome");
        Optional<File> driver = onPath("chromedriver");
        if (chromium.isEmpty() || driver.isEmpty()) {
            String skipped = "SKIPPED: the page was not tested in a browser; there is no chromium with chromedriver.";
            System.err.println(skipped);
            Assumptions.abort(skipped);
        }
        ChromeOptions options = new ChromeOptions().setBinary(chromium.get()).addArguments(OPTIONS);
        return new ChromeDriver(
                new ChromeDriverService.Builder().usingDriverExecutable(driver.get()).build(), options);
    }

    @AfterEach
    void close() {
        if (browser != null) {
            browser.quit();
        }
    }

    @Test
    void permitsGoWithEachClickAndComeBackWithTime() {
        free("hello", 5);
        for (int left = 4; left >= 0; left--) {
            button("hello").click();
            free("hello", left);
            newest("200", Integer.toString(left), "–", "hello");
        }
        button("hello").click();
        newest("429", "–", "2 s", "hello");

        clock.advance(Duration.ofSeconds(2));
        free("hello", 1);
        button("hello").sendKeys(Keys.ENTER);
        newest("200", "0", "–", "hello");
    }

    @Test
    void aButtonHeldDownKeepsAsking() {
        new Actions(browser()).clickAndHold(button("mails")).perform();
        await(() -> rows().size() >= 4);
        new Actions(browser()).release().perform();
        newest("429", "–", "5 s", "mails to ann");
        free("mails", 0);
    }

    @Test
    void eachApiKeyHasPermitsOfItsOwn() {
        button("orders").click();
        free("orders", 2);
        WebElement key = browser().findElement(By.id("api-key"));
        key.clear();
        key.sendKeys("bob");
        free("orders", 3);
    }

    @Test
    void thePageFitsAPhone() {
        browser().manage().window().setSize(new Dimension(390, 844));
        free("hello", 5);
        WebElement page = browser().findElement(By.tagName("html"));
        int width = Integer.parseInt(String.valueOf(page.getDomProperty("clientWidth")));
        int needed = Integer.parseInt(String.valueOf(page.getDomProperty("scrollWidth")));
        assertTrue(needed <= width, () -> needed + " pixels on a screen of " + width);
    }

    private WebDriver browser() {
        assertTrue(browser != null);
        return browser;
    }

    private WebElement button(String card) {
        return browser().findElement(By.cssSelector("#" + card + " button"));
    }

    private List<WebElement> rows() {
        return browser().findElements(By.cssSelector("#log tr[class]"));
    }

    private void free(String card, int permits) {
        await(() -> browser().findElements(By.cssSelector("#" + card + " .dots .free")).size() == permits
                && browser().findElement(By.cssSelector("#" + card + " .dots")).getDomAttribute("aria-valuenow") != null);
    }

    private void newest(String... cells) {
        await(() -> !rows().isEmpty() && texts(rows().get(0)).equals(List.of(cells)));
        assertEquals(List.of(cells), texts(rows().get(0)));
    }

    private static List<String> texts(WebElement row) {
        return row.findElements(By.tagName("td")).stream().map(WebElement::getText).toList();
    }

    private void await(BooleanSupplier condition) {
        new WebDriverWait(browser(), Duration.ofSeconds(20), Duration.ofMillis(50))
                .ignoring(StaleElementReferenceException.class)
                .until(any -> condition.getAsBoolean());
    }

    private static Optional<File> onPath(String... names) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> Stream.of(names).map(name -> new File(folder, name)))
                .filter(File::canExecute)
                .findFirst();
    }
}
