package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.context.annotation.Property;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.logging.LogType;

/** Tests the live page of the library in a browser. */
@MicronautTest(rebuildContext = true)
@Property(name = "endpoints.ratelimits.sensitive", value = "false")
@Property(name = "endpoints.ratelimits.write-sensitive", value = "false")
class LivePageTest {

    @Inject
    EmbeddedServer server;

    @Inject
    @Client("/")
    HttpClient client;

    private @Nullable WebDriver browser;

    @BeforeEach
    void open() {
        browser = Browser.open();
        browser.get(server.getURL().toString());
        browser.findElement(By.linkText("Live page")).click();
        awaitText("connection", "Live");
    }

    @AfterEach
    void close() {
        if (browser != null) {
            browser.quit();
        }
    }

    @Test
    void figuresFollowTheRequests() {
        awaitText("allowed", "0");
        assertTrue(shown("no-denied"));
        assertTrue(shown("quiet"));

        hello(12);
        Browser.await(browser(), () -> List.of("allowed", "denied").stream()
                .allMatch(id -> text(id).matches("[0-9.,]+") && !text(id).equals("0")));
        Browser.await(
                browser(),
                () -> hashes("top-denied").size() == 1 && hashes("near-limit").size() == 1);
        assertFalse(shown("no-denied"));
        assertFalse(shown("quiet"));
        assertEquals(hashes("near-limit"), hashes("top-denied"), "the same client, by the same hash");
        assertTrue(hashes("top-denied").get(0).matches("[0-9a-f]{64}"), hashes("top-denied")::toString);
        Browser.await(browser(), () -> !row("hello")
                .findElement(By.cssSelector(".b.line"))
                .getDomAttribute("d")
                .isEmpty());

        // A few seconds after the last request, the averages are 0 again.
        awaitText("allowed", "0");
        awaitText("denied", "0");
        assertEquals(
                List.of(),
                browser().manage().logs().get(LogType.BROWSER).getAll().stream()
                        .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                        .toList(),
                "no violation of the content security policy of the page");
    }

    @Test
    void keyboardOpensTheDetailsOfAPolicy() {
        Browser.await(browser(), () -> rows().size() >= 3);
        WebElement orders = row("orders").findElement(By.tagName("button"));
        orders.sendKeys(Keys.ENTER);
        assertEquals("true", orders.getDomAttribute("aria-expanded"));
        String details =
                row("orders").findElement(By.xpath("following-sibling::tr[1]")).getText();
        assertTrue(
                details.contains("application.yml")
                        && details.contains("OrderController")
                        && details.contains("{api-key}"),
                details);
    }

    @Test
    void overridesOfOperatorsAreMarked() {
        Browser.await(browser(), () -> rows().size() >= 3);
        assertFalse(operatorTag().isDisplayed());
        override(Map.of("policy", "orders", "key", "alice", "limits", "500/min", "duration", "2h"));
        Browser.await(browser(), () -> operatorTag().getText().equals("operator: 1 key"));
        override(Map.of("policy", "orders", "limits", List.of("2/5s", "10/min sliding")));
        Browser.await(browser(), () -> operatorTag().getText().equals("operator: 2/5s and 10/min sliding, 1 key"));
        row("orders").findElement(By.tagName("button")).sendKeys(Keys.ENTER);
        String details =
                row("orders").findElement(By.xpath("following-sibling::tr[1]")).getText();
        assertTrue(
                details.contains("Overrides by operators")
                        && details.contains("…: 500/min until ")
                        && details.contains("all keys: 2/5s and 10/min sliding"),
                details);
        browser().manage().window().setSize(new Dimension(390, 844));
        Browser.requireFit(browser());
    }

    private void override(Map<String, Object> body) {
        client.toBlocking().exchange(HttpRequest.POST("/ratelimits/override", body));
    }

    private WebElement operatorTag() {
        return row("orders").findElement(By.className("operator"));
    }

    @Test
    void pausedPageCatchesUpAfterwards() {
        WebElement pause = browser().findElement(By.id("pause"));
        pause.click();
        awaitText("connection", "Paused");
        hello(3);
        assertTrue(shown("quiet"));
        pause.click();
        awaitText("connection", "Live");
        Browser.await(browser(), () -> !shown("quiet"));
    }

    @Test
    void pageFitsAPhoneScreen() {
        browser().manage().window().setSize(new Dimension(390, 844));
        hello(7);
        Browser.await(browser(), () -> hashes("top-denied").size() == 1);
        Browser.requireFit(browser());
    }

    private void hello(int times) {
        for (int i = 0; i < times; i++) {
            try {
                client.toBlocking().exchange("/api/hello");
            } catch (HttpClientResponseException e) {
                assertEquals(429, e.code());
            }
        }
    }

    private WebDriver browser() {
        assertTrue(browser != null);
        return browser;
    }

    private String text(String id) {
        return browser().findElement(By.id(id)).getText();
    }

    private boolean shown(String id) {
        return browser().findElement(By.id(id)).isDisplayed();
    }

    private void awaitText(String id, String text) {
        Browser.await(browser(), () -> text(id).equals(text));
    }

    private List<String> hashes(String list) {
        return browser().findElements(By.cssSelector("#" + list + " code")).stream()
                .map(hash -> String.valueOf(hash.getDomProperty("textContent")))
                .toList();
    }

    private List<WebElement> rows() {
        return browser().findElements(By.cssSelector("#policies tr:not(.more)"));
    }

    private WebElement row(String policy) {
        return rows().stream()
                .filter(row -> row.findElement(By.tagName("button")).getText().equals(policy))
                .findFirst()
                .orElseThrow();
    }
}
