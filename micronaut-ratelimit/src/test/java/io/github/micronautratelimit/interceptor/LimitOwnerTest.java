package io.github.micronautratelimit.interceptor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.policy.LimitBindings;
import io.micronaut.aop.InterceptorBean;
import io.micronaut.aop.Introduction;
import io.micronaut.aop.MethodInterceptor;
import io.micronaut.aop.MethodInvocationContext;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Executable;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Prototype;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.runtime.event.annotation.EventListener;
import jakarta.annotation.PostConstruct;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A limit belongs to the bean that it is written on, whatever class declares the method. */
class LimitOwnerTest {

    private static ApplicationContext start(String spec) {
        return ApplicationContext.run(Map.of("spec", "LimitOwnerTest", spec, "true"));
    }

    @Test
    void beansOfFactoryHaveSeparateLimits() {
        try (ApplicationContext context = start("factory")) {
            Mailer news = context.getBean(Mailer.class, Qualifiers.byName("news"));
            Mailer bills = context.getBean(Mailer.class, Qualifiers.byName("bills"));
            news.send();
            RateLimitExceededException denied = assertThrows(RateLimitExceededException.class, news::send);
            assertEquals(
                    Mailers.class.getName() + ".news()",
                    denied.decisions().requests().get(0).policy().name());
            bills.send();
            bills.cancel();
            assertThrows(RateLimitExceededException.class, bills::send, "all methods of the bean share its limit");
            assertEquals("mailer", bills.toString());
            Mailer prototype = context.getBean(Mailer.class, Qualifiers.byName("prototype"));
            prototype.send();
            Mailer another = context.getBean(Mailer.class, Qualifiers.byName("prototype"));
            another.send();
            another.cancel();
            assertThrows(RateLimitExceededException.class, prototype::send, "objects of one bean share its limit");
            Sender sender = context.getBean(Sender.class);
            sender.send();
            assertThrows(RateLimitExceededException.class, sender::send);
        }
    }

    @Test
    void introducedInterfacesHaveSeparateLimits() {
        try (ApplicationContext context = start("introduced")) {
            Books books = context.getBean(Books.class);
            Authors authors = context.getBean(Authors.class);
            books.save("a");
            books.find("a");
            books.save("a");
            assertThrows(RateLimitExceededException.class, () -> books.find("a"));
            assertThrows(RateLimitExceededException.class, () -> books.save("a"));
            for (int i = 0; i < 5; i++) {
                authors.save("b");
            }
            assertThrows(RateLimitExceededException.class, () -> authors.save("b"));
        }
    }

    @Test
    void invalidLimitOfIntroducedInterfaceFailsStart() {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start("invalid").close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        assertTrue(
                String.valueOf(failure.getMessage())
                        .startsWith("@RateLimit on " + Invalid.class.getName() + ".save(Object): \"often\""),
                String.valueOf(failure.getMessage()));
    }

    @Test
    void eventListenersHaveSeparateLimits() {
        try (ApplicationContext context = start("events")) {
            Mails mails = context.getBean(Mails.class);
            publish(context.getEventPublisher(Ordered.class), new Ordered(1));
            publish(context.getEventPublisher(Paid.class), new Paid(1));
            assertEquals(2, mails.ordered.get());
            assertEquals(4, mails.paid.get());
        }
    }

    private static <T> void publish(ApplicationEventPublisher<T> publisher, T event) {
        for (int i = 0; i < 5; i++) {
            publisher.publishEvent(event);
        }
    }

    @Test
    void methodsOfContainerAndObjectAreNotCounted() {
        try (ApplicationContext context = start("whole")) {
            Whole whole = context.getBean(Whole.class);
            for (int i = 0; i < 3; i++) {
                assertEquals("whole", whole.toString());
                assertEquals(7, whole.hashCode());
                assertEquals(whole, whole);
            }
            whole.publicMethod();
            whole.packagePrivateMethod();
            assertThrows(RateLimitExceededException.class, whole::publicMethod);
            assertTrue(
                    context.getBeansOfType(LimitBindings.class).stream()
                            .flatMap(bindings -> bindings.all().stream())
                            .filter(binding -> binding.location().endsWith("$Whole"))
                            .allMatch(binding -> binding.key() == null),
                    "all callers share one key");
        }
    }

    static class Mailer {

        public void send() {}

        public void cancel() {}

        @Override
        public String toString() {
            return "mailer";
        }
    }

    interface Sender {

        void send();
    }

    @Factory
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "factory")
    static class Mailers {

        @Singleton
        @Named("news")
        @RateLimit("1/h")
        Mailer news() {
            return new Mailer();
        }

        @Singleton
        @Named("bills")
        @RateLimit("2/h")
        Mailer bills() {
            return new Mailer();
        }

        @Prototype
        @Named("prototype")
        @RateLimit("3/h")
        Mailer prototype() {
            return new Mailer();
        }

        @Singleton
        @RateLimit("1/h")
        Sender sender() {
            return () -> {};
        }
    }

    @Introduction
    @Retention(RetentionPolicy.RUNTIME)
    @interface Stored {}

    @InterceptorBean(Stored.class)
    @Requires(property = "spec", value = "LimitOwnerTest")
    static class Store implements MethodInterceptor<Object, Object> {

        @Override
        public Object intercept(MethodInvocationContext<Object, Object> context) {
            return context.getParameterValues()[0];
        }
    }

    interface CrudRepository<T> {

        T save(T entity);
    }

    @Stored
    @RateLimit("3/h")
    @Executable
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "introduced")
    interface Books extends CrudRepository<String> {

        String find(String id);
    }

    @Stored
    @RateLimit("5/h")
    @Executable
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "introduced")
    interface Authors extends CrudRepository<String> {}

    interface InvalidRepository<T> {

        @RateLimit("often")
        T save(T entity);
    }

    @Stored
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "invalid")
    interface Invalid extends InvalidRepository<String> {}

    record Ordered(int number) {}

    record Paid(int number) {}

    @Singleton
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "events")
    static class Mails {

        final AtomicInteger ordered = new AtomicInteger();
        final AtomicInteger paid = new AtomicInteger();

        @EventListener
        @RateLimit("2/h")
        void on(Ordered event) {
            ordered.incrementAndGet();
        }

        @EventListener
        @RateLimit("4/h")
        void on(Paid event) {
            paid.incrementAndGet();
        }
    }

    @Singleton
    @RateLimit("2/h")
    @Requires(property = "spec", value = "LimitOwnerTest")
    @Requires(property = "whole")
    static class Whole {

        @PostConstruct
        public void open() {}

        public void publicMethod() {}

        void packagePrivateMethod() {}

        @Override
        public String toString() {
            return "whole";
        }

        @Override
        public int hashCode() {
            return 7;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Whole;
        }
    }
}
