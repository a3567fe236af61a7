"""RabbitMQ (3.10 or later) by kombu. The only folder that knows AMQP."""
