"""Sends 120 payments. It needs RocketMQ's own client: pip install rocketmq-python-client."""

from rocketmq import ClientConfiguration, Credentials, Message, Producer

producer = Producer(ClientConfiguration("127.0.0.1:8081", Credentials("sluice", "sluice-secret")), ("payments",))
producer.startup()
for number in range(120):
    message = Message()
    message.topic = "payments"
    message.body = b"payment %d" % number
    producer.send(message)
producer.shutdown()
