module interop/wireguard_go

go 1.26.6

require github.com/tailscale/wireguard-go v0.0.0-20260715223240-2e01ba5b00f0

require (
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.56.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.zx2c4.com/wintun v0.0.0-20230126152724-0fa3db229ce2 // indirect
)
