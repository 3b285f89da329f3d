package io.github.micronautratelimit.simulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openqa.selenium.By;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;

/** Looks at the report in Chromium. If Chromium or its driver is missing on the path, the test is skipped. */
class ReportPageTest {

    private static final List<String> OPTIONS =
            List.of("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking");

    @TempDir
    private Path folder;

    private static File onPath(String... names) {
        Optional<File> found = Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(place -> Stream.of(names).map(name -> new File(place, name)))
                .filter(File::canExecute)
                .findFirst();
        if (found.isEmpty()) {
            String skipped = "SKIPPED: the report is not tested in a browser; " + List.of(names) + " is missing.";
            System.err.println(skipped);
            Assumptions.abort(skipped);
        }
        return found.orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({"390, light", "390, dark", "1280, light", "1280, dark"})
    void reportFitsTheScreenInBothModesWithoutOutsideResources(int width, String mode) {
        Path page = folder.resolve("report.html");
        StringWriter out = new StringWriter();
        int code = Simulator.commandLine(new ReplayCommand(new ByteArrayInputStream(new byte[0]), false))
                .setOut(new PrintWriter(out))
                .execute(
                        "--limit=10/min",
                        "--limit=30/min; 1000/h sliding",
                        "--reorder=1min",
                        "--html=" + page,
                        "src/test/resources/apache-excerpt.log");
        assertEquals(0, code);
        ChromeOptions options = new ChromeOptions()
                .setBinary(onPath("chromium", "google-chrome"))
                .addArguments(OPTIONS);
        ChromeDriver browser = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(onPath("chromedriver"))
                        .build(),
                options);
        try {
            browser.executeCdpCommand(
                    "Emulation.setDeviceMetricsOverride",
                    Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", width < 600));
            browser.executeCdpCommand(
                    "Emulation.setEmulatedMedia",
                    Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", mode))));
            browser.get(page.toUri().toString());
            WebElement html = browser.findElement(By.tagName("html"));
            int needed = Integer.parseInt(String.valueOf(html.getDomProperty("scrollWidth")));
            assertTrue(needed <= width, () -> "The page needs " + needed + " pixels; the screen has " + width + ".");
            assertEquals(2, browser.findElements(By.cssSelector("article")).size());
            String background = browser.findElement(By.tagName("body")).getCssValue("background-color");
            assertEquals(mode.equals("dark"), background.contains("18, 22, 28"), background);
            WebElement plot = browser.findElement(By.cssSelector(".drawing"));
            assertTrue(plot.getSize().getWidth() > width / 2, "The plot is too narrow.");
            assertEquals(
                    0L, browser.executeScript("return performance.getEntriesByType('resource').length;"), "resources");
        } finally {
            browser.quit();
        }
    }
}
