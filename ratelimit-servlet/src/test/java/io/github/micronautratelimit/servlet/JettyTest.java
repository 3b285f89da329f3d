package io.github.micronautratelimit.servlet;

import java.util.EnumSet;

import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;

/** The filter in Jetty 12. */
class JettyTest extends FilterContract {

    @Override
    Container container() {
        return new Jetty();
    }

    private static final class Jetty implements Container {

        private final Server server = new Server();

        @Override
        public void start(Filter filter, Servlet servlet, boolean async) throws Exception {
            HttpConfiguration configuration = new HttpConfiguration();
            configuration.setUriCompliance(UriCompliance.UNSAFE);
            ServerConnector connector = new ServerConnector(server, new HttpConnectionFactory(configuration));
            connector.setHost("127.0.0.1");
            server.addConnector(connector);
            ServletContextHandler context = new ServletContextHandler(CONTEXT);
            context.getServletHandler().setDecodeAmbiguousURIs(true);
            FilterHolder filterHolder = new FilterHolder(filter);
            filterHolder.setAsyncSupported(async);
            context.addFilter(filterHolder, "/*", EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC));
            ServletHolder servletHolder = new ServletHolder(servlet);
            servletHolder.setAsyncSupported(true);
            context.addServlet(servletHolder, "/*");
            server.setHandler(context);
            server.start();
        }

        @Override
        public int port() {
            return ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        }

        @Override
        public void stop() throws Exception {
            server.stop();
        }
    }
}
