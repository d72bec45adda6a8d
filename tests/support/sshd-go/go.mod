module meshterm.test/sshd-go

go 1.26

require (
	github.com/creack/pty v1.1.24
	golang.org/x/crypto v0.54.0
)

require golang.org/x/sys v0.47.0 // indirect
