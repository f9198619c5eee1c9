// Fused LSTM time loop.
