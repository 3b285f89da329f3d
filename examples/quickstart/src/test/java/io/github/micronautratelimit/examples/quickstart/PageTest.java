package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;

/** Tests the page in a browser; see {@link Browser}. The clock of the server moves only on request. */
@MicronautTest(rebuildContext = true)
class PageTest {

    @Inject
    EmbeddedServer server;

    @Inject
    VirtualClock clock;

    private @Nullable WebDriver browser;

    @BeforeEach
    void open() {
        browser = Browser.open();
        browser.get(server.getURL().toString());
    }

    @AfterEach
    void close() {
        if (browser != null) {
            browser.quit();
        }
    }

    @Test
    void eachClickTakesAPermitAndPermitsComeBackOverTime() {
        free("hello", 5);
        for (int remaining = 4; remaining >= 0; remaining--) {
            button("hello").click();
            free("hello", remaining);
            newest("200", Integer.toString(remaining), "–", "hello");
        }
        button("hello").click();
        newest("429", "–", "2 s", "hello");

        clock.advance(Duration.ofSeconds(2));
        free("hello", 1);
        button("hello").sendKeys(Keys.ENTER);
        newest("200", "0", "–", "hello");
    }

    @Test
    void heldButtonKeepsSending() {
        new Actions(browser()).clickAndHold(button("mails")).perform();
        await(() -> rows().size() >= 4);
        new Actions(browser()).release().perform();
        newest("429", "–", "5 s", "mails to ann");
        free("mails", 0);
    }

    @Test
    void eachApiKeyHasSeparatePermits() {
        button("orders").click();
        free("orders", 2);
        WebElement key = browser().findElement(By.id("api-key"));
        key.clear();
        key.sendKeys("bob");
        free("orders", 3);
    }

    @Test
    void pageFitsAPhoneScreen() {
        browser().manage().window().setSize(new Dimension(390, 844));
        free("hello", 5);
        Browser.requireFit(browser());
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
        await(() -> browser()
                                .findElements(By.cssSelector("#" + card + " .dots .free"))
                                .size()
                        == permits
                && browser().findElement(By.cssSelector("#" + card + " .dots")).getDomAttribute("aria-valuenow")
                        != null);
    }

    private void newest(String... cells) {
        await(() -> !rows().isEmpty() && texts(rows().get(0)).equals(List.of(cells)));
        assertEquals(List.of(cells), texts(rows().get(0)));
    }

    private static List<String> texts(WebElement row) {
        return row.findElements(By.tagName("td")).stream()
                .map(WebElement::getText)
                .toList();
    }

    private void await(BooleanSupplier condition) {
        Browser.await(browser(), condition);
    }
}
