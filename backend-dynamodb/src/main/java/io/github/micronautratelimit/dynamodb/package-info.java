/**
 * Rate limits in DynamoDB: a decision is one conditional write, or one read if it is predicted to be a denial.
 *
 * <p>Start at {@link io.github.micronautratelimit.dynamodb.DynamoDbBackend}.
 */
@NullMarked
package io.github.micronautratelimit.dynamodb;

import org.jspecify.annotations.NullMarked;
