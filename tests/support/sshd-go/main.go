// sshd-go is an SSH server for the tests that OpenSSH cannot stand in for: it lets everybody in
// by "none", as Tailscale SSH does, forwards (direct-tcpip), and misbehaves on request.
//
//	sshd-go -hostkey TYPE -port N [-ciphers LIST] [-kex LIST] [-macs LIST] [-rekey BYTES]
//	        [-auth LIST] [-password TEXT] [-authorized FILE]
//
// The user name chooses what happens:
//
//	anybody        a shell or command, with a terminal if asked for
//	check          a banner, a pause, a second banner, then let in
//	forever        a banner, then nothing for ten minutes
//	banners        banners that are empty, odd, long or no UTF-8, then let in
//	nul            a banner with a zero byte, then let in
//	flood          banners without end
//	refused        a banner, then the connection is closed without an answer
//	denied         a plain refusal; -auth says what is offered instead (password)
//	password, key  let in by that method alone
//	questions      let in by keyboard-interactive: the password (hidden) and the colour blue (shown)
//	steps          a key, then the questions, then the password
//	slow           the command is "sha256sum", and its input is taken 4 kB at a time, with pauses
//	noshell        shell, exec and pty-req are refused
//	nochannel      the session channel is refused
//	keepalive      ten keepalive@openssh.com requests, each answered, before the shell starts
//	signal         the command ends by SIGTERM, core dumped
//	vanish         some output, then the TCP connection is reset
package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
)

func makeHostKey(kind string) (ssh.Signer, error) {
	var key any
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ecdsa256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ecdsa384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ecdsa521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	default:
		err = fmt.Errorf("host key type %q", kind)
	}
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(key)
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

type session struct {
	channel  ssh.Channel
	user     string
	conn     net.Conn
	env      []string
	terminal *pty.Winsize
	file     *os.File
	process  *os.Process
	mu       sync.Mutex
}

func (s *session) exit(status uint32) {
	s.channel.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, status))
	s.channel.Close()
}

func (s *session) exitSignal(name string) {
	s.channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Name    string
		Core    bool
		Message string
		Lang    string
	}{name, true, "ended by the test", ""}))
	s.channel.Close()
}

func (s *session) run(command string) {
	cmd := exec.Command("/bin/sh", "-c", command)
	if command == "" {
		cmd = exec.Command("/bin/sh", "-i")
	}
	cmd.Env = append(os.Environ(), s.env...)
	if s.terminal != nil {
		s.runTerminal(cmd)
	} else {
		s.runPipes(cmd)
	}
	state := cmd.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		s.exitSignal(strings.TrimPrefix(map[syscall.Signal]string{
			syscall.SIGTERM: "SIGTERM", syscall.SIGKILL: "SIGKILL", syscall.SIGINT: "SIGINT",
		}[status.Signal()], "SIG"))
		return
	}
	s.exit(uint32(state.ExitCode()))
}

func (s *session) runTerminal(cmd *exec.Cmd) {
	s.mu.Lock()
	file, err := pty.StartWithSize(cmd, s.terminal)
	s.file = file
	s.mu.Unlock()
	if err != nil {
		log.Print(err)
		return
	}
	go io.Copy(file, s.channel)
	io.Copy(s.channel, file)
	cmd.Wait()
}

func (s *session) runPipes(cmd *exec.Cmd) {
	stdin, _ := cmd.StdinPipe()
	cmd.Stdout = s.channel
	cmd.Stderr = s.channel.Stderr()
	err := cmd.Start()
	s.mu.Lock()
	s.process = cmd.Process
	s.mu.Unlock()
	if err != nil {
		log.Print(err)
		return
	}
	go func() {
		io.Copy(stdin, s.channel)
		stdin.Close()
	}()
	cmd.Wait()
}

// hashSlowly reads so that the window is shut most of the time, and writes the hash of it all.
func (s *session) hashSlowly() {
	hash := sha256.New()
	chunk := make([]byte, 4096)
	for {
		n, err := s.channel.Read(chunk)
		hash.Write(chunk[:n])
		if err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintf(s.channel, "%x\n", hash.Sum(nil))
	s.exit(0)
}

// start begins what the user name asks for; the request has been answered with yes.
func (s *session) start(command string, sshConn *ssh.ServerConn) {
	switch s.user {
	case "keepalive":
		for i := 0; i < 10; i++ {
			if _, _, err := sshConn.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				log.Print(err)
				return
			}
		}
		fmt.Fprintln(s.channel, "ten answers")
		s.exit(0)
	case "signal":
		s.exitSignal("TERM")
	case "slow":
		s.hashSlowly()
	case "vanish":
		s.channel.Write([]byte("last words\n"))
		time.Sleep(200 * time.Millisecond)
		s.conn.(*net.TCPConn).SetLinger(0)
		s.conn.Close()
	default:
		s.run(command)
	}
}

func (s *session) handle(req *ssh.Request, sshConn *ssh.ServerConn) {
	refuse := s.user == "noshell"
	switch req.Type {
	case "env":
		var v struct{ Name, Value string }
		ssh.Unmarshal(req.Payload, &v)
		s.env = append(s.env, v.Name+"="+v.Value)
		req.Reply(true, nil)
	case "pty-req":
		var v struct {
			Term                      string
			Cols, Rows, Width, Height uint32
			Modes                     string
		}
		ssh.Unmarshal(req.Payload, &v)
		s.terminal = &pty.Winsize{Rows: uint16(v.Rows), Cols: uint16(v.Cols)}
		s.env = append(s.env, "TERM="+v.Term)
		req.Reply(!refuse, nil)
	case "window-change":
		var v struct{ Cols, Rows, Width, Height uint32 }
		ssh.Unmarshal(req.Payload, &v)
		s.mu.Lock()
		if s.file != nil {
			pty.Setsize(s.file, &pty.Winsize{Rows: uint16(v.Rows), Cols: uint16(v.Cols)})
		} else if s.terminal != nil {
			s.terminal.Rows, s.terminal.Cols = uint16(v.Rows), uint16(v.Cols)
		}
		s.mu.Unlock()
	case "signal":
		var v struct{ Name string }
		ssh.Unmarshal(req.Payload, &v)
		s.mu.Lock()
		if s.process != nil {
			s.process.Signal(map[string]syscall.Signal{
				"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "INT": syscall.SIGINT,
			}[v.Name])
		}
		s.mu.Unlock()
	case "shell", "exec":
		var v struct{ Command string }
		ssh.Unmarshal(req.Payload, &v)
		req.Reply(!refuse, nil)
		if !refuse {
			go s.start(v.Command, sshConn)
		}
	default:
		req.Reply(false, nil)
	}
}

// forward connects to where a direct-tcpip channel wants to go; each direction ends by itself.
func forward(open ssh.NewChannel) {
	var to struct {
		Host string
		Port uint32
		From string
		Any  uint32
	}
	ssh.Unmarshal(open.ExtraData(), &to)
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
	if err != nil {
		open.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, reqs, err := open.Accept()
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(reqs)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		io.Copy(conn, channel)
		conn.(*net.TCPConn).CloseWrite()
		both.Done()
	}()
	go func() {
		io.Copy(channel, conn)
		channel.CloseWrite()
		both.Done()
	}()
	both.Wait()
	channel.Close()
	conn.Close()
}

func serve(conn net.Conn, config *ssh.ServerConfig, creds *credentials) {
	defer conn.Close()
	sshConn, channels, requests, err := ssh.NewServerConn(conn, configure(config, creds, conn))
	if err != nil {
		log.Print(err)
		return
	}
	go ssh.DiscardRequests(requests)
	for open := range channels {
		if open.ChannelType() == "direct-tcpip" {
			go forward(open)
			continue
		}
		if open.ChannelType() != "session" || sshConn.User() == "nochannel" {
			open.Reject(ssh.Prohibited, "no sessions today")
			continue
		}
		channel, reqs, err := open.Accept()
		if err != nil {
			return
		}
		s := &session{channel: channel, user: sshConn.User(), conn: conn}
		go func() {
			for req := range reqs {
				s.handle(req, sshConn)
			}
		}()
	}
}

func main() {
	port := flag.Int("port", 0, "on 127.0.0.1; 0 = any, printed")
	hostKey := flag.String("hostkey", "ed25519", "ed25519, ecdsa256, ecdsa384, ecdsa521, rsa")
	ciphers := flag.String("ciphers", "", "comma-separated")
	kex := flag.String("kex", "", "comma-separated")
	macs := flag.String("macs", "", "comma-separated")
	rekey := flag.Uint64("rekey", 0, "bytes after which the server asks for new keys")
	methods := flag.String("auth", "password", "offered: password,publickey,keyboard-interactive")
	password := flag.String("password", "", "what the users password, questions and steps have to know")
	authorized := flag.String("authorized", "", "a file with the public keys of key and steps")
	flag.Parse()

	creds := &credentials{methods: list(*methods), password: *password}
	if *authorized != "" {
		var err error
		if creds.authorized, err = readAuthorized(*authorized); err != nil {
			log.Fatal(err)
		}
	}

	config := &ssh.ServerConfig{}
	config.Ciphers, config.KeyExchanges, config.MACs = list(*ciphers), list(*kex), list(*macs)
	config.RekeyThreshold = *rekey
	signer, err := makeHostKey(*hostKey)
	if err != nil {
		log.Fatal(err)
	}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %s", listener.Addr().(*net.TCPAddr).Port, ssh.MarshalAuthorizedKey(signer.PublicKey()))
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn, config, creds)
	}
}
