package io.github.micronautratelimit.servlet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;

/** The filter in Tomcat. */
class TomcatTest extends FilterContract {

    @Override
    Container container() {
        return new EmbeddedTomcat();
    }

    private static final class EmbeddedTomcat implements Container {

        private final Tomcat tomcat = new Tomcat();
        private final Path directory = directory();

        private static Path directory() {
            try {
                return Files.createTempDirectory("tomcat");
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void start(Filter filter, Servlet servlet, boolean async) throws Exception {
            tomcat.setBaseDir(directory.toString());
            tomcat.setHostname("127.0.0.1");
            tomcat.setPort(0);
            tomcat.getConnector().setProperty("address", "127.0.0.1");
            tomcat.getConnector().setEncodedSolidusHandling("decode");
            tomcat.getConnector().setAllowBackslash(true);
            Context context = tomcat.addContext(CONTEXT, null);
            FilterDef definition = new FilterDef();
            definition.setFilterName("limits");
            definition.setFilter(filter);
            definition.setAsyncSupported(Boolean.toString(async));
            context.addFilterDef(definition);
            FilterMap map = new FilterMap();
            map.setFilterName("limits");
            map.addURLPattern("/*");
            map.setDispatcher(DispatcherType.REQUEST.name());
            map.setDispatcher(DispatcherType.ASYNC.name());
            context.addFilterMap(map);
            Wrapper wrapper = Tomcat.addServlet(context, "echo", servlet);
            wrapper.setAsyncSupported(true);
            context.addServletMappingDecoded("/*", "echo");
            tomcat.start();
        }

        @Override
        public int port() {
            return tomcat.getConnector().getLocalPort();
        }

        @Override
        public void stop() throws Exception {
            tomcat.stop();
            tomcat.destroy();
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
