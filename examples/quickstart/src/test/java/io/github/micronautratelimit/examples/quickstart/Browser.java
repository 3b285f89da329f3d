package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.By;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Opens Chromium. If Chromium or its driver is missing on the path, the test is skipped with a message. */
final class Browser {

    private static final List<String> OPTIONS = List.of(
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync");

    private Browser() {}

    static WebDriver open() {
        Optional<File> chromium = onPath("chromium", "google-chrome");
        Optional<File> driver = onPath("chromedriver");
        if (chromium.isEmpty() || driver.isEmpty()) {
            String skipped = "SKIPPED: the page is not tested in a browser; chromium or chromedriver is missing.";
            System.err.println(skipped);
            Assumptions.abort(skipped);
        }
        ChromeOptions options = new ChromeOptions().setBinary(chromium.get()).addArguments(OPTIONS);
        return new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(driver.get())
                        .build(),
                options);
    }

    static void await(WebDriver browser, BooleanSupplier condition) {
        new WebDriverWait(browser, Duration.ofSeconds(20), Duration.ofMillis(50))
                .ignoring(StaleElementReferenceException.class)
                .until(any -> condition.getAsBoolean());
    }

    /** Requires that no part of the page is wider than the screen. */
    static void requireFit(WebDriver browser) {
        WebElement page = browser.findElement(By.tagName("html"));
        int width = Integer.parseInt(String.valueOf(page.getDomProperty("clientWidth")));
        int needed = Integer.parseInt(String.valueOf(page.getDomProperty("scrollWidth")));
        assertTrue(needed <= width, () -> "The page needs " + needed + " pixels; the screen has " + width + ".");
    }

    private static Optional<File> onPath(String... names) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> Stream.of(names).map(name -> new File(folder, name)))
                .filter(File::canExecute)
                .findFirst();
    }
}
