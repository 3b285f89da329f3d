package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.Policy;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Keys of items. */
class ItemKeyTest {

    @Test
    void namespaceAndPolicyAndKeyStaySeparate() {
        List<String> names = List.of("a", "a:b", "b", "b:c", "c", "a%3Ab", "a%253Ab", "%", ":", "::");
        Set<String> keys = new HashSet<>();
        for (String namespace : names) {
            for (String policy : names) {
                for (String key : names) {
                    keys.add(DynamoDbTable.itemKey(namespace, Policy.of(policy, "1/h"), key));
                }
            }
        }
        assertEquals(names.size() * names.size() * names.size(), keys.size());
    }

    @Test
    void usualNameIsNotEscaped() {
        assertEquals(
                "shop:write:",
                DynamoDbTable.itemKey("shop", Policy.of("write", "1/h"), "key").substring(0, 11));
    }
}
