package io.github.micronautratelimit.examples.quickstart;

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
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.WebElement;

/** The chat in a real browser; see {@link Browser}. */
@MicronautTest(rebuildContext = true)
class ChatPageTest {

    private static final String DENIED = "rate limit exceeded, retry after 2 s";

    @Inject
    EmbeddedServer server;

    @Inject
    VirtualClock clock;

    private @Nullable WebDriver browser;

    @BeforeEach
    void open() {
        browser = Browser.open();
        browser.get(server.getURL() + "/chat.html");
    }

    @AfterEach
    void close() {
        if (browser != null) {
            browser.quit();
        }
    }

    @Test
    void fourthConnectionIsClosedWithTheTimeToWaitAndAClosedOneFreesItsSlot() {
        free(3);
        for (int remaining = 2; remaining >= 0; remaining--) {
            connect();
            free(remaining);
        }
        connect();
        state("guest 4", "Closed by the server: 1008 retry-after=30");
        card("guest 2").findElement(By.className("quiet")).click();
        state("guest 2", "Closed");
        free(1);
        connect();
        state("guest 5", "Open");
        free(0);
    }

    @Test
    void sixthMessageIsAnErrorForItsSenderAndAFloodClosesTheConnection() {
        connect();
        connect();
        state("guest 1", "Open");
        state("guest 2", "Open");
        for (int i = 0; i < 5; i++) {
            send("guest 1");
        }
        lines("guest 1", "guest 1: hello", "guest 1: hello", "guest 1: hello", "guest 1: hello", "guest 1: hello");
        send("guest 1");
        lines("guest 1", "guest 1: hello", "guest 1: hello", "guest 1: hello", "guest 1: hello", DENIED);
        send("guest 2");
        lines("guest 2", "guest 1: hello", "guest 1: hello", "guest 1: hello", "guest 1: hello", "guest 2: hello");
        clock.advance(Duration.ofSeconds(2));
        send("guest 1");
        lines("guest 1", "guest 1: hello", "guest 1: hello", DENIED, "guest 2: hello", "guest 1: hello");
        for (int i = 0; i < 10; i++) {
            send("guest 1");
        }
        state("guest 1", "Closed by the server: 1008 retry-after=2");
        free(2);
    }

    @Test
    void pageFitsAPhoneScreen() {
        browser().manage().window().setSize(new Dimension(390, 844));
        connect();
        state("guest 1", "Open");
        Browser.requireFit(browser());
    }

    private WebDriver browser() {
        assertTrue(browser != null);
        return browser;
    }

    private void connect() {
        browser().findElement(By.cssSelector("#slots button")).click();
    }

    private void send(String name) {
        card(name).findElement(By.cssSelector("[type=submit]")).click();
    }

    private WebElement card(String name) {
        return browser().findElements(By.className("connection")).stream()
                .filter(card -> card.findElement(By.tagName("h2")).getText().equals(name))
                .findAny()
                .orElseThrow();
    }

    private void free(int slots) {
        await(() -> browser().findElements(By.cssSelector("#slots .dots .free")).size() == slots
                && browser().findElement(By.cssSelector("#slots .dots")).getDomAttribute("aria-valuenow") != null);
    }

    private void state(String name, String state) {
        await(() -> card(name).findElement(By.className("state")).getText().equals(state));
    }

    private void lines(String name, String... lines) {
        await(() -> card(name).findElements(By.tagName("li")).stream()
                .map(WebElement::getText)
                .toList()
                .equals(List.of(lines)));
    }

    private void await(BooleanSupplier condition) {
        Browser.await(browser(), condition);
    }
}
