"""What runs inside the sandbox: stdlib only, and started as the package `inside` with none of mmsim loaded."""
