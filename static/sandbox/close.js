// What makes connections, or markup, without asking the page's policy is taken away before the artifact's code runs. A frame
// inside this one would have it all again: templates/sandbox.mustache sees to it that no code runs there.
const GONE = ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport", "XSLTProcessor", "PresentationRequest", "PaymentRequest", "fetchLater"];

export function closeChannels() {
	for (const name of GONE) if (name in self) Object.defineProperty(self, name, { value: undefined, configurable: false, writable: false });
}
