package io.github.micronautratelimit.configuration;

import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.type.Argument;
import java.util.List;

/**
 * Rejects elements of lists that the framework loses. If one property source writes {@code rules[1].path} and another
 * one, of higher precedence, the whole list {@code rules}, then only the elements of the list exist.
 */
final class ListElements {

    private final Environment environment;

    ListElements(Environment environment) {
        this.environment = environment;
    }

    /**
     * Checks a property as a source writes it.
     *
     * @param name the name of the property
     * @throws ConfigurationException if the name has an index that the list does not have
     */
    void require(PropertyName name) {
        for (int i = 1; i < name.parts().size(); i++) {
            String part = name.parts().get(i);
            if (part.startsWith("[")) {
                requireElement(name, new PropertyName(name.parts().subList(0, i)), part);
            }
        }
    }

    /** An empty list is meant to remove the elements of other sources. */
    private void requireElement(PropertyName name, PropertyName list, String element) {
        int size = environment
                .getProperty(list.toString(), Argument.listOf(Object.class))
                .orElse(List.of())
                .size();
        String index = element.replaceAll("\\D", "");
        if (size > 0 && !index.isEmpty() && index.length() < 10 && Integer.parseInt(index) >= size) {
            throw new ConfigurationException("`" + name + "` would be ignored, because the list `" + list
                    + "` of another property source has only " + size + (size == 1 ? " element" : " elements")
                    + "; write the whole list in one source.");
        }
    }
}
