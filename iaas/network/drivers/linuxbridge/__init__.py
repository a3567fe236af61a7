"""The Linux bridge data plane: one bridge a local network, nft, dnsmasq and a metadata socket in a namespace.

Only ``driver`` is the plug-in; the other modules are its parts and know nothing of agents or daemons.
"""

from iaas.network.drivers.linuxbridge.driver import LinuxBridgeDriver as PLUGIN

__all__ = ["PLUGIN"]
