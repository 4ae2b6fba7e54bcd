"""The gateway: answers on the device or forwards to a cloud, behind OpenAI's API (model `edge-cloud`)."""
