/** What a device speaks. */
export type ProtocolKind = 'MQTT' | 'COAP' | 'BLUETOOTH' | 'HTTP';
